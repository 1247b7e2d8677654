import { readSource, type SourceText } from "./source_text.ts";

/** The files that the rules apply to. Paths are relative to the repository. */
export interface Repository {
  /** TypeScript and JavaScript. */
  readonly modules: ReadonlyMap<string, SourceText>;
  /** Other text files written by hand: pages, configurations, scripts, C. */
  readonly texts: ReadonlyMap<string, string>;
  /** Returns whether a file or folder exists. */
  exists(path: string): boolean;
}

const ROOT = new URL("../../", import.meta.url);

/** Files that are generated, downloaded or kept by git. */
const SKIPPED = /^(?:\.git|\.cache|dist|node_modules|objs|deno\.lock|LICENSE|tests\/corpus)$/;

const TEXT = /(?:\.(?:md|json|conf|toml|c|html|css|sh|yml)|\.ci\/run)$/;

/** Reads the repository that contains this file. */
export async function readRepository(): Promise<Repository> {
  const modules = new Map<string, SourceText>();
  const texts = new Map<string, string>();
  const all = new Set<string>();
  for (const path of listFiles("")) {
    all.add(path);
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      all.add(path.slice(0, end)).add(path.slice(0, end + 1));
    }
    if (/\.(?:ts|js)$/.test(path)) modules.set(path, readSource(await read(path)));
    else if (TEXT.test(path)) texts.set(path, await read(path));
  }
  return { modules, texts, exists: (path) => path === "" || all.has(path) };
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

function* listFiles(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (SKIPPED.test(path)) continue;
    if (isDirectory) yield* listFiles(`${path}/`);
    else yield path;
  }
}
