import { type CancelTimer, systemClock } from "../base/clock.ts";
import { encodeUtf8 } from "../base/bytes.ts";
import type { HandoverTarget } from "../app/handover_vhost.ts";
import { writeAllSync } from "../logging/log_file.ts";

/** Time between two checks of the note, in ms. */
const CHECK_MS = 200;

/** The other process writes its note about half a second after it was replaced. */
const APPEARS_WITHIN_MS = 10_000;

function noteOf(pidPath: string): string {
  return `${pidPath}.handover`;
}

/**
 * Leaves a note for the process that replaces this one, beside the pid file: where to find its
 * streams. Only the same user can read it; it is locked as long as this process runs.
 *
 * @returns removes it
 */
export async function leaveHandoverNote(
  pidPath: string,
  { port, token }: { readonly port: number; readonly token: string },
): Promise<() => void> {
  const path = noteOf(pidPath);
  const temporary = `${path}.${Deno.pid}`;
  const file = Deno.openSync(temporary, { read: true, write: true, createNew: true, mode: 0o600 });
  await file.lock(true);
  writeAllSync(file, encodeUtf8(JSON.stringify({ pid: Deno.pid, port, token })));
  Deno.renameSync(temporary, path);
  return () => {
    if (readNote(path)?.token === token) Deno.removeSync(path);
    file.close();
  };
}

/**
 * Follows the note of the process that this one replaces: calls `onChange` when it can be reached,
 * and with null when it has ended.
 *
 * @returns stops following
 */
export function followHandoverNote(
  pidPath: string,
  onChange: (target: HandoverTarget | null) => void,
): CancelTimer {
  const path = noteOf(pidPath);
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
async function findTarget(path: string): Promise<HandoverTarget | null> {
  try {
    using file = Deno.openSync(path, { read: true });
    if (await file.tryLock(true)) return null;
    const note = readNote(path);
    if (note === null || note.pid === Deno.pid) return null;
    return { address: { hostname: "127.0.0.1", port: note.port }, token: note.token };
  } catch {
    return null; // No note.
  }
}

interface Note {
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

function readNote(path: string): Note | null {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return null;
  }
}
