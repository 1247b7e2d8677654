/**
 * Bundles the program and its worker into `dist/js`: `deno task bundle`. Writes the commit into
 * them, and removes the paths of this machine, so that every machine makes the same bytes. Long
 * texts that both contain, such as the players' scripts, are moved to a module that they share.
 */

import { PROJECT_ROOT } from "./deno_json.ts";

const ENTRIES = ["main.ts", "lib/app/worker_main.ts"];
const OUTPUT = "dist/js";

const SHARED = `${OUTPUT}/lib/app/shared_texts.js`;
/** Shorter texts stay where they are. */
const SHARED_CHARS = 100_000;
/** An embedded text, as the bundler writes one of several lines or with quotes. */
const LONG_TEXT = /(\w+_default\d* = )(`(?:[^`\\]|\\[^])*`)/g;

/** What `lib/base/version.ts` has in the place of the commit. */
const PLACEHOLDER = '"$COMMIT$"';
/** The machine's cache in front of a package's name and version, in comments and names. */
const CACHE_PATH = /[^\s"']*\/npm\/[^\s"'/]+\/(?=(?:@[^\s"'/]+\/)?[^\s"'/]+\/\d+\.\d+\.\d+)/g;

await run("deno", ["bundle", "--platform", "deno", "--outdir", OUTPUT, ...ENTRIES]);
const { name, date } = await readCommit();
const texts = new Map<string, string>();
for (const entry of ENTRIES) {
  const path = `${PROJECT_ROOT}${OUTPUT}/${entry.replace(/ts$/, "js")}`;
  const code = shareTexts(await Deno.readTextFile(path), entry);
  await Deno.writeTextFile(
    path,
    code.replace(PLACEHOLDER, JSON.stringify(name)).replace(CACHE_PATH, "npm/"),
  );
  // The executable contains the files with their times.
  await Deno.utime(path, date, date);
}

await Deno.writeTextFile(
  `${PROJECT_ROOT}${SHARED}`,
  [...texts].map(([literal, name]) => `export const ${name} = ${literal};\n`).join(""),
);
await Deno.utime(`${PROJECT_ROOT}${SHARED}`, date, date);

/** Returns the code of an entry with its long texts imported from the shared module. */
function shareTexts(code: string, entry: string): string {
  const from = entry === "main.ts" ? "./lib/app/shared_texts.js" : "./shared_texts.js";
  const imports: string[] = [];
  const shared = code.replace(LONG_TEXT, (whole, start: string, literal: string) => {
    if (literal.length < SHARED_CHARS) return whole;
    const name = texts.get(literal) ?? `text${texts.size}`;
    texts.set(literal, name);
    imports.push(name);
    return start + name;
  });
  return `import { ${imports.join(", ")} } from "${from}";\n${shared}`;
}

/** Returns the commit of the sources, with a "+" if they differ from it, and its time in s. */
async function readCommit(): Promise<{ readonly name: string; readonly date: number }> {
  try {
    const [commit, seconds] = (await run("git", ["log", "-1", "--abbrev=12", "--format=%h %ct"]))
      .split(" ");
    const changes = await run("git", ["status", "--porcelain"]);
    return { name: `commit ${commit}${changes === "" ? "" : "+"}`, date: Number(seconds) };
  } catch {
    return { name: "unknown commit", date: 0 };
  }
}

/** Returns what the program prints. @throws {Error} with its messages when it fails */
async function run(program: string, args: readonly string[]): Promise<string> {
  const command = program === "deno" ? Deno.execPath() : program;
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: PROJECT_ROOT,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout).trim();
}
