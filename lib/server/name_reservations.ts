import type { CancelTimer, Clock } from "../base/clock.ts";
import type { ClientCheck, NameReservation } from "./vhost_service.ts";

/**
 * How long a newcomer waits for the checks of one before it, in ms: as long as callbacks may take
 * by default. Strangers that are checked one after the other must not keep a publisher from its
 * name for longer.
 */
const MAX_WAIT_MS = 5_000;

/** Receives whether the newcomer may have the name. */
type OnRoom = (hasRoom: boolean) => void;

/** Finds out whether a name is free. `onRoom` is called once, later. @returns null when it is. */
export type CheckRoom = (onRoom: OnRoom) => ClientCheck | null;

/**
 * Reserves names for publishers while they are checked, so that callbacks are asked about one
 * newcomer at a time. Others wait: they get the name if the first one is refused.
 *
 * ```
 *    ┌─ name reserved by another ──► queued ─┐ released, or 5 s are over
 *    │                                       ▼
 * reserve() ── name not reserved ──────► checking ── room ──► granted ── release() ──► over
 *                                            └─ no room ─────────────────────────────► over
 * ```
 */
export class NameReservations {
  readonly #clock: Clock;
  /** By name, oldest first. */
  readonly #lines = new Map<string, Reservation[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Reserves `name` for a newcomer. `onRoom` is called once, later, unless it is granted at once or
   * released.
   */
  reserve(name: string, checkRoom: CheckRoom, onRoom: OnRoom): NameReservation {
    const line = this.#lines.get(name) ?? [];
    this.#lines.set(name, line);
    const reservation = new Reservation(checkRoom, onRoom, () => this.#onOver(name, reservation));
    line.push(reservation);
    if (line.some(({ isGranted }) => isGranted)) {
      reservation.queue(this.#clock);
    } else {
      reservation.check();
    }
    return reservation;
  }

  #onOver(name: string, reservation: Reservation): void {
    const line = this.#lines.get(name)!;
    line.splice(line.indexOf(reservation), 1);
    if (line.length === 0) this.#lines.delete(name);
    for (const next of [...line]) {
      if (line.some(({ isGranted }) => isGranted)) return;
      if (next.isQueued) next.proceed();
    }
  }
}

class Reservation implements NameReservation {
  readonly #checkRoom: CheckRoom;
  readonly #onRoom: OnRoom;
  readonly #onOver: () => void;
  #state: "queued" | "checking" | "granted" | "over" = "checking";
  #cancel: CancelTimer | null = null;

  constructor(checkRoom: CheckRoom, onRoom: OnRoom, onOver: () => void) {
    this.#checkRoom = checkRoom;
    this.#onRoom = onRoom;
    this.#onOver = onOver;
  }

  get isGranted(): boolean {
    return this.#state === "granted";
  }

  get isQueued(): boolean {
    return this.#state === "queued";
  }

  queue(clock: Clock): void {
    this.#state = "queued";
    this.#cancel = clock.after(MAX_WAIT_MS, () => this.proceed());
  }

  /** Leaves the queue: checks now, and answers. */
  proceed(): void {
    this.#cancel?.();
    this.check();
    if (this.isGranted) this.#onRoom(true);
  }

  check(): void {
    this.#state = "checking";
    const check = this.#checkRoom((hasRoom) => {
      if (hasRoom) this.#state = "granted";
      else this.#end();
      this.#onRoom(hasRoom);
    });
    this.#cancel = check === null ? null : () => check.cancel();
    if (check === null) this.#state = "granted";
  }

  release(): void {
    if (this.#state === "over") return;
    this.#cancel?.();
    this.#end();
  }

  #end(): void {
    this.#state = "over";
    this.#onOver();
  }
}
