import { type CancelTimer, systemClock } from "../base/clock.ts";
import type { HandoverTarget } from "../app/handover_vhost.ts";
import type { Ban } from "../server/bans.ts";
import { replaceLocked } from "./locked_file.ts";

/** Time between two checks of the note, in ms. */
const CHECK_MS = 200;

/** The other process writes its note about half a second after it was replaced. */
const APPEARS_WITHIN_MS = 10_000;

/** The other process of a replacement. */
export interface OtherProcess extends HandoverTarget {
  /** In force there when it was replaced. */
  readonly bans: readonly Ban[];
}

/** Who leaves a note: the process that is replaced, or the one that replaces it. */
type NoteAuthor = "replaced" | "replacing";

const SUFFIXES = { replaced: "handover", replacing: "takeover" } as const;

function noteOf(pidPath: string, author: NoteAuthor): string {
  return `${pidPath}.${SUFFIXES[author]}`;
}

/**
 * Leaves a note for the other process of a replacement, beside the pid file: where to find the
 * streams of this one. Only the same user can read it; it is locked as long as this process runs.
 *
 * @returns removes it
 */
export async function leaveHandoverNote(
  pidPath: string,
  author: NoteAuthor,
  note: Omit<Note, "pid">,
): Promise<() => void> {
  const path = noteOf(pidPath, author);
  const text = JSON.stringify({ pid: Deno.pid, ...note });
  const file = await replaceLocked(path, text, 0o600);
  return () => {
    if (readNote(path)?.token === note.token) Deno.removeSync(path);
    file.close();
  };
}

/**
 * Follows the note of the other process: calls `onChange` when it can be reached, and with null
 * when it has ended.
 *
 * @returns stops following
 */
export function followHandoverNote(
  pidPath: string,
  author: NoteAuthor,
  onChange: (target: OtherProcess | null) => void,
): CancelTimer {
  const path = noteOf(pidPath, author);
  const startMs = systemClock.now();
  let isStopped = false;
  let wasFound = false;
  let cancel: CancelTimer;
  const check = async (): Promise<void> => {
    const target = await findTarget(path);
    if (isStopped) return;
    if (target !== null && !wasFound) {
      wasFound = true;
      onChange(target);
    }
    if (target === null && wasFound) return onChange(null);
    if (wasFound || systemClock.now() - startMs < APPEARS_WITHIN_MS) schedule();
  };
  const schedule = () => {
    cancel = systemClock.after(CHECK_MS, () => void check());
  };
  schedule();
  return () => {
    isStopped = true;
    cancel();
  };
}

/** Null without a note, or when the process that left it has ended. */
async function findTarget(path: string): Promise<OtherProcess | null> {
  try {
    using file = Deno.openSync(path, { read: true });
    if (await file.tryLock(true)) return null;
    const note = readNote(path);
    if (note === null || note.pid === Deno.pid) return null;
    const { port, token, bans = [] } = note;
    return { address: { hostname: "127.0.0.1", port }, token, bans };
  } catch {
    return null; // No note.
  }
}

interface Note {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
  /** In force in that process; other versions leave them out. */
  readonly bans?: readonly Ban[];
}

function readNote(path: string): Note | null {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return null;
  }
}
