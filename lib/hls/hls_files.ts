/** Access to files. Paths have `/` between their parts. */
export interface HlsFiles {
  /** Returns the text of a file; null if it does not exist. */
  read(path: string): Promise<string | null>;
  /** Replaces a file atomically: readers see the old or the new content. Makes missing folders. */
  write(path: string, content: Uint8Array): Promise<void>;
  /** Removes a file if it exists. */
  remove(path: string): Promise<void>;
}

/** Files on the disk: the only access to it in this layer. Needs read and write permission. */
export const diskFiles: HlsFiles = {
  async read(path) {
    return await ifFound(() => Deno.readTextFile(path));
  },
  async write(path, content) {
    const temporary = `${path}.tmp`;
    await writeWithFolders(temporary, content);
    await Deno.rename(temporary, path);
  },
  async remove(path) {
    await ifFound(() => Deno.remove(path));
  },
};

async function writeWithFolders(path: string, content: Uint8Array): Promise<void> {
  const isWritten = await ifFound(async () => {
    await Deno.writeFile(path, content);
    return true;
  });
  if (isWritten) return;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(path, content);
}

async function ifFound<T>(act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
