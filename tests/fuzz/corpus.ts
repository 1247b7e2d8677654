/** Inputs that once made a target fail: `tests/corpus/<target>/<hash>.bin`. */

const CORPUS = new URL("../corpus/", import.meta.url);

const HASH_DIGITS = 16;

/** Adds an input, once. @returns the file's name */
export async function saveToCorpus(target: string, input: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", input.slice()));
  const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const folder = new URL(`${target}/`, CORPUS);
  await Deno.mkdir(folder, { recursive: true });
  const file = new URL(`${hash.slice(0, HASH_DIGITS)}.bin`, folder);
  await Deno.writeFile(file, input);
  return file.pathname;
}

/** An input of the corpus. */
interface CorpusEntry {
  readonly target: string;
  readonly file: string;
  readonly input: Uint8Array;
}

/** Returns all inputs, ordered by name. */
export async function readCorpus(): Promise<CorpusEntry[]> {
  const entries: CorpusEntry[] = [];
  for (const target of await namesIn(CORPUS)) {
    const folder = new URL(`${target}/`, CORPUS);
    for (const file of await namesIn(folder)) {
      entries.push({ target, file, input: await Deno.readFile(new URL(file, folder)) });
    }
  }
  return entries;
}

/** Returns the sorted names in a folder; none if it does not exist. */
async function namesIn(folder: URL): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
