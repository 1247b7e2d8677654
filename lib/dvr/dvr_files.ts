/** A file that is being written. One call at a time. */
export interface DvrFile {
  /** Appends all of `bytes`, or rejects; then a part may be written. */
  append(bytes: Uint8Array): Promise<void>;
  /** Replaces bytes that were written before. */
  patch(offset: number, bytes: Uint8Array): Promise<void>;
  /** Removes what follows the first `length` bytes. */
  truncate(length: number): Promise<void>;
  close(): void;
}

/** Access to files. Paths have `/` between their parts. */
export interface DvrFiles {
  /** Creates a file, and missing folders. Returns null if there is one of that name. */
  create(path: string): Promise<DvrFile | null>;
  /** Whether there is a file or folder of that name. */
  exists(path: string): Promise<boolean>;
  /** Renames a file. Returns false if there is another of the new name; that one stays. */
  rename(from: string, to: string): Promise<boolean>;
  remove(path: string): Promise<void>;
}

/** Files on the disk: the only access to it in this layer. Needs read and write permission. */
export const diskFiles: DvrFiles = {
  async create(path) {
    try {
      return await createFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      return await createFile(path);
    }
  },
  async exists(path) {
    try {
      await Deno.lstat(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  },
  async rename(from, to) {
    try {
      // Unlike a rename, a link replaces nothing.
      await Deno.link(from, to);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      // A file system without links.
      if (await diskFiles.exists(to)) return false;
      await Deno.rename(from, to);
      return true;
    }
    await Deno.remove(from);
    return true;
  },
  remove: (path) => Deno.remove(path),
};

async function createFile(path: string): Promise<DvrFile | null> {
  try {
    return new DiskFile(await Deno.open(path, { write: true, createNew: true }));
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return null;
    throw error;
  }
}

class DiskFile implements DvrFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
  }

  async patch(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#file.seek(offset, Deno.SeekMode.Start);
    await this.append(bytes);
    await this.#file.seek(0, Deno.SeekMode.End);
  }

  async truncate(length: number): Promise<void> {
    await this.#file.truncate(length);
    await this.#file.seek(0, Deno.SeekMode.End);
  }

  close(): void {
    this.#file.close();
  }
}
