import type { ProblemList } from "./problem_list.ts";
import { syntaxOf, tomlSyntax } from "./syntax.ts";

/** A line with blanks and comment, and the text that makes out a format. */
const FORMS = {
  tomlTable: /^[ \t]*\[[\w."-]+\][ \t]*(#.*)?\r?$/m,
  tomlPair: /^[ \t]*[\w."-]+[ \t]*=[ \t]*\S[^;{]*\r?$/m,
  yaml: /^[ \t]*[\w-]+:([ \t]+[^;{]*)?\r?$/m,
  srs: /^[ \t]*\w[^#=]*[;{][ \t]*(#.*)?\r?$/m,
  /** In a text without comments: what is SRS's `rtmp` has no `server`. */
  nginx: /^[ \t]*rtmp\s*\{([^{}]*[;\s])?server\s*\{/m,
} as const;

/**
 * Reports a file of another format once, where each of its lines would be a mistake.
 *
 * @throws {ConfigError}
 */
export function refuseOtherFormats(text: string, file: string, problems: ProblemList): void {
  const at = { file, line: 0, column: 0 };
  const has = (form: keyof typeof FORMS) => FORMS[form].test(text);
  if (syntaxOf(file) === tomlSyntax) {
    if (has("srs") && !has("tomlPair") && !has("tomlTable")) {
      problems.fail(at, "The file is in SRS's format, not in TOML", "rename it to end in .conf");
    }
  } else if (isNginxRtmp(text)) {
    const fix = `migrate it: edge migrate ${file} > edge.toml`;
    problems.fail(at, "The file is a configuration of nginx-rtmp", fix);
  } else if (!has("srs") && (has("tomlTable") || has("tomlPair"))) {
    problems.fail(at, "The file is in TOML, not in SRS's format", "rename it to end in .toml");
  } else if (!has("srs") && has("yaml")) {
    const fix = "write it in SRS's format or in TOML: docs/configuration.md";
    problems.fail(at, "The file is in YAML", fix);
  }
}

/** Returns whether `text` is a configuration of nginx-rtmp. */
export function isNginxRtmp(text: string): boolean {
  return FORMS.nginx.test(text.replace(/(^|\s)#.*/g, "$1"));
}
