/** Creates the directory of a file, with its parents, if missing. */
export function makeParentDirectory(path: string): void {
  const directory = path.slice(0, path.lastIndexOf("/") + 1);
  if (directory !== "") Deno.mkdirSync(directory, { recursive: true });
}
