/** The files of HLS: the one place in this layer that touches the disk. */

/** What is done with files. Paths have `/` between their parts. */
export interface HlsFiles {
  /** The text of a file, or null when there is none. */
  read(path: string): Promise<string | null>;
  /** Writes a whole file, and folders as needed. Readers see the file before or after, never half of it. */
  write(path: string, content: Uint8Array): Promise<void>;
  /** Removes a file; that there is none is fine. */
  remove(path: string): Promise<void>;
}

/** Files on the disk. Needs read and write permission. */
export const diskFiles: HlsFiles = {
  async read(path) {
    return await ifThere(() => Deno.readTextFile(path));
  },
  async write(path, content) {
    const temporary = `${path}.tmp`;
    await writeWithFolders(temporary, content);
    await Deno.rename(temporary, path);
  },
  async remove(path) {
    await ifThere(() => Deno.remove(path));
  },
};

async function writeWithFolders(path: string, content: Uint8Array): Promise<void> {
  const isWritten = await ifThere(async () => {
    await Deno.writeFile(path, content);
    return true;
  });
  if (isWritten) return;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(path, content);
}

async function ifThere<T>(act: () => Promise<T>): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
