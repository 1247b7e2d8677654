/** What the build takes from `deno.json`, so that each fact is written once. */

const ROOT = new URL("../", import.meta.url);

/** The repository's root folder, with a slash at its end. */
export const PROJECT_ROOT: string = ROOT.pathname;

/** The parts of `deno.json` that the build uses. */
interface DenoJson {
  readonly version: string;
  readonly license: string;
  readonly imports: Readonly<Record<string, string>>;
  readonly tasks: Readonly<Record<string, { readonly command?: string }>>;
}

/** Reads `deno.json`. */
export async function readDenoJson(): Promise<DenoJson> {
  return JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
}

/**
 * Returns the flags with which `deno task start` runs the program: V8's, and the permissions.
 *
 * @throws {Error} when the task is not `deno run FLAGS main.ts`
 */
export function startFlags({ tasks }: DenoJson): string[] {
  const command = tasks["start"]?.command ?? "";
  const flags = /^deno run (.*) main\.ts$/.exec(command)?.[1];
  if (flags === undefined) throw new Error(`deno.json: task "start" is not "deno run … main.ts"`);
  return flags.split(" ").map((flag) => flag.replaceAll("'", ""));
}
