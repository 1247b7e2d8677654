/** Types of values that are secrets. Their messages do not show what was written. */

import { ProblemList } from "./problem_list.ts";
import type { ValueType } from "./value_type.ts";

/** A shorter secret could be guessed from one signed URL, without asking the server. */
const MIN_SECRET_LENGTH = 16;

/** One secret, or two while one replaces the other. */
export const signSecrets: ValueType<readonly string[]> = {
  label: `one or two secrets of ${MIN_SECRET_LENGTH} or more characters`,
  unit: "",
  isList: true,
  parse({ name, args }, problems) {
    if (args.length > 2) {
      return problems.error(args[2]!, `"${name}" takes one or two secrets`, "remove the others");
    }
    const short = args.find(({ text }) => text.length < MIN_SECRET_LENGTH);
    if (short !== undefined) {
      const what = `A secret of "${name}" has fewer than ${MIN_SECRET_LENGTH} characters`;
      return problems.error(
        short,
        what,
        "use a random one, such as that of `openssl rand -hex 32`",
      );
    }
    return args.map(({ text }) => text);
  },
};

/**
 * Reads a file of secrets: one on each line, with comments after `#`; the first one signs.
 *
 * @throws {ConfigError} with all errors, by line. No text of them contains a secret.
 */
export function parseSignSecrets(text: string, file: string): readonly string[] {
  const problems = new ProblemList(file);
  const secrets = text.split(/\r?\n/).flatMap((line, index) => {
    const at = { file, line: index + 1, column: 1 };
    const [secret, extra] = line.replace(/(^|\s)#.*/, "").match(/\S+/g) ?? [];
    if (secret === undefined) return [];
    if (extra !== undefined) {
      problems.error(at, "There is more than one word", "write one secret on each line");
    } else if (secret.length < MIN_SECRET_LENGTH) {
      const fix = "use a random one, such as that of `openssl rand -hex 32`";
      problems.error(at, `The secret has fewer than ${MIN_SECRET_LENGTH} characters`, fix);
    }
    return [secret];
  });
  if (secrets.length === 0) {
    const fix = "write a secret in it, such as that of `openssl rand -hex 32`";
    problems.error({ file, line: 0, column: 0 }, "The file has no secret", fix);
  }
  problems.warningsOrThrow();
  return secrets;
}
