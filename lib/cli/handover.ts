import { basename, dirname } from "node:path";
import { type CancelTimer, systemClock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { TaskQueue } from "../base/task_queue.ts";
import type { Service } from "../app/service.ts";
import type { Inheritance, PassedOn } from "./inheritance.ts";
import { removeIfPresent, replaceLocked } from "./locked_file.ts";

/** Time between two looks for notes, in ms. */
const CHECK_MS = 200;

/** A process that is replaced leaves its note about half a second later. */
const APPEARS_WITHIN_MS = 10_000;

/** What a note says. */
interface Note {
  readonly pid: number;
  /** When the process began, in ms since 1970. */
  readonly startedMs: number;
  readonly port: number;
  /** Shared by all processes of a replacement. */
  readonly token: string;
  /** Absent while that process is not replaced. */
  readonly passedOn?: PassedOn;
}

/** Options of {@linkcode Handover}. */
interface HandoverOptions {
  readonly server: Pick<Service, "openHandover" | "takeOver">;
  readonly inheritance: Pick<Inheritance, "collect" | "take">;
  readonly pidPath: string;
  readonly logger: Logger;
}

/**
 * What the processes of a replacement know of each other: the newest, the one that it replaces, and
 * those that were replaced before and still serve clients. Each leaves a note beside the pid file,
 * which says where the others find its streams, and takes streams from all others. The newest takes
 * what the one before passes on, too. Only the same user can read a note, and it is locked as long
 * as its process runs.
 *
 * ```
 *   alone ── seek() ──▶ seeking ── a note ──▶ sharing ── all others have ended ──▶ alone
 *     │                    │                   │    ▲
 *     │                    │           offer() ▼    │ withdraw()
 *     └─────── offer() ────┴────────────▶ sharing, until the end of this process
 * ```
 */
export class Handover implements Disposable {
  readonly #options: HandoverOptions;
  readonly #logger: Logger;
  readonly #tasks = new TaskQueue();
  /** Null while this process shares nothing. */
  #token: string | null = null;
  /** Where the others find the streams. */
  #port = 0;
  /** This process's note, locked; null while there is none. */
  #note: Deno.FsFile | null = null;
  #isReplaced = false;
  #seekUntilMs = -Infinity;
  /** The others that streams are taken from. */
  #known = "";
  /** Notes of which this process has taken what they pass on. */
  readonly #taken = new Set<string>();
  #cancelCheck: CancelTimer | null = null;
  #isClosed = false;

  constructor(options: HandoverOptions) {
    this.#options = options;
    this.#logger = options.logger.for("edge");
  }

  /**
   * Shares the streams of others that were replaced, as long as they run.
   *
   * @param isReplacing One of them is about to leave its note.
   */
  seek(isReplacing: boolean): void {
    if (isReplacing) this.#seekUntilMs = systemClock.now() + APPEARS_WITHIN_MS;
    this.#schedule();
  }

  /**
   * This process is replaced: lets the others find its streams, and shares theirs. Never rejects.
   */
  offer(): Promise<void> {
    return this.#run(async () => {
      this.#isReplaced = true;
      await this.#share(this.#token ?? crypto.randomUUID());
      this.#schedule();
    });
  }

  /** This process is not replaced after all: that one has died. */
  withdraw(): void {
    this.#isReplaced = false;
  }

  /** Removes the note. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#cancelCheck?.();
    this.#removeNote();
  }

  get #notePath(): string {
    return `${this.#options.pidPath}.handover.${Deno.pid}`;
  }

  /** Serves its clients even if it can share nothing. */
  #run(task: () => Promise<void>): Promise<void> {
    return this.#tasks.run(task).catch((error) => {
      this.#logger.warning(
        `Streams are not shared with the other process: ${describeError(error)}`,
        { fix: "make the directory of the pid file writable, then replace again" },
      );
    });
  }

  /** Leaves a note, in place of the one before. */
  async #share(token: string): Promise<void> {
    const { server, inheritance } = this.#options;
    if (this.#token === null) this.#port = await server.openHandover(token);
    this.#token = token;
    const note: Note = {
      ...{ pid: Deno.pid, startedMs: performance.timeOrigin, port: this.#port, token },
      ...(this.#isReplaced ? { passedOn: await inheritance.collect() } : {}),
    };
    const file = await replaceLocked(this.#notePath, JSON.stringify(note), 0o600);
    this.#note?.close();
    this.#note = file;
    if (this.#isClosed) this.#removeNote();
  }

  #removeNote(): void {
    if (this.#note === null) return;
    removeIfPresent(this.#notePath);
    this.#note.close();
    this.#note = null;
  }

  /** Takes what a process passes on; once, so that what is undone here since stays undone. */
  async #inherit(note: Note): Promise<void> {
    const key = JSON.stringify(note);
    if (this.#isReplaced || note.passedOn === undefined || this.#taken.has(key)) return;
    this.#taken.add(key);
    await this.#options.inheritance.take(note.passedOn);
  }

  #schedule(): void {
    this.#cancelCheck ??= systemClock.after(CHECK_MS, () => {
      this.#cancelCheck = null;
      void this.#run(() => this.#check());
    });
  }

  async #check(): Promise<void> {
    const { server, pidPath } = this.#options;
    const notes = await findNotes(pidPath);
    if (this.#isClosed) return;
    if (this.#token === null && notes[0] !== undefined) await this.#share(notes[0].token);
    const token = this.#token;
    const others = notes.filter((note) => note.token === token);
    const before = others.at(-1);
    if (before !== undefined) await this.#inherit(before);
    const known = others.map(({ port }) => port).join();
    const isNews = token !== null && known !== this.#known;
    this.#known = known;
    const isEnd = token !== null && others.length === 0 && !this.#isReplaced;
    if (isEnd) {
      this.#removeNote();
      this.#token = null;
      await server.takeOver(null);
    } else if (isNews) {
      const addresses = others.map(({ port }) => ({ hostname: "127.0.0.1", port }));
      await server.takeOver({ addresses, token });
    }
    const isSeeking = systemClock.now() < this.#seekUntilMs;
    if (!isEnd && (this.#token !== null || isSeeking)) this.#schedule();
  }
}

/** Returns the notes of other processes that run, the newest process last. */
async function findNotes(pidPath: string): Promise<Note[]> {
  const prefix = `${basename(pidPath)}.handover.`;
  const folder = dirname(pidPath);
  const notes: Note[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : "";
    if (!/^\d+$/.test(pid) || pid === String(Deno.pid)) continue;
    const note = await readNote(`${folder}/${name}`);
    if (note !== null) notes.push(note);
  }
  return notes.sort((one, other) => one.startedMs - other.startedMs);
}

/** Null for the note of a process that has ended, which is removed. */
async function readNote(path: string): Promise<Note | null> {
  try {
    using file = Deno.openSync(path, { read: true });
    if (!await file.tryLock(true)) return JSON.parse(Deno.readTextFileSync(path));
    Deno.removeSync(path);
    return null;
  } catch {
    return null; // Removed meanwhile, or of another user.
  }
}
