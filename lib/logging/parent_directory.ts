/** Directories of files that the program writes. */

/** Makes the directory a file lies in, and those above it, when they are missing. */
export function makeParentDirectory(path: string): void {
  const directory = path.slice(0, path.lastIndexOf("/") + 1);
  if (directory !== "") Deno.mkdirSync(directory, { recursive: true });
}
