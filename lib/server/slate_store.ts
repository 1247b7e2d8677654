import type { SlateFile } from "./slate_file.ts";

/** The files of `play.fallback`, by the path in the configuration. */
export class SlateStore {
  #files: ReadonlyMap<string, SlateFile> = new Map();

  /** Replaces them all. A slate that is shown continues with the file that it began with. */
  replace(files: ReadonlyMap<string, SlateFile>): void {
    this.#files = files;
  }

  /** Returns the file at `path`, or null. */
  find(path: string): SlateFile | null {
    return this.#files.get(path) ?? null;
  }
}
