import type { Clock } from "../base/clock.ts";
import type { Allowance } from "./allowance.ts";

/** Time that work may take in a turn, in ms. One part is always done. */
const TURN_MS = 2;

/** After a pause this long, others have had the event loop, and a new turn begins. */
const PAUSE_MS = 1;

/** Work that is done in parts, so that others are not kept waiting. */
export interface PartedWork {
  /** Does the next part, a millisecond or so. @returns whether it was the last one. */
  doPart(): boolean;
}

/** Work that waits for its turn. */
interface Job {
  readonly work: PartedWork;
  readonly allowance: Allowance | null;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Shares the event loop between connections. The bytes of a peer are read in parts: at once, which
 * is the rule, or in a later turn together with the others that wait, first come first served.
 * Sockets are polled, players are written to and other peers are read from in between. A peer whose
 * bytes wait is not read meanwhile, so TCP slows it down and no one else.
 *
 * - A publisher or an origin has an {@linkcode Allowance}, and waits only when it has used it up.
 *   One that floods with messages rests before it queues.
 * - All others, which ask for little, share one: a burst of new clients is served
 *   in slices.
 */
export class WorkTurns {
  readonly #clock: Clock;
  #jobs: Job[] = [];
  /** Time worked in this turn, and when the last part ended. */
  #workedMs = 0;
  #doneMs = -Infinity;
  #busyMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Time spent in all work so far, in ms. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /**
   * Does `work` at once or in later turns.
   *
   * @param allowance Null for clients that share one.
   * @param nowMs The time, if the caller knows it.
   * @returns null when the work is done; otherwise a promise that settles when it is, and rejects
   * with what it throws.
   * @throws what `work` throws when it is done at once.
   */
  // HOT: once per read of a publisher or origin.
  run(
    work: PartedWork,
    allowance: Allowance | null,
    nowMs = this.#clock.now(),
  ): Promise<void> | null {
    if (allowance === null && nowMs - this.#doneMs >= PAUSE_MS) this.#workedMs = 0;
    while (allowance === null ? this.#hasTimeLeft : allowance.isLeft(nowMs)) {
      if (this.#do(work, allowance, nowMs)) return null;
      nowMs = this.#doneMs;
    }
    const done = Promise.withResolvers<void>();
    if (!this.#letRest({ work, allowance, done }, nowMs)) this.#add({ work, allowance, done });
    return done.promise;
  }

  #add(job: Job): void {
    if (this.#jobs.push(job) === 1) this.#clock.yield(() => this.#runTurn());
  }

  /** @returns whether the job must wait before it may queue. */
  #letRest(job: Job, nowMs: number): boolean {
    const restMs = job.allowance?.restMs(nowMs) ?? 0;
    if (restMs > 0) this.#clock.after(restMs, () => this.#add(job));
    return restMs > 0;
  }

  get #hasTimeLeft(): boolean {
    return this.#jobs.length === 0 && this.#workedMs < TURN_MS;
  }

  #do(work: PartedWork, allowance: Allowance | null, nowMs: number): boolean {
    try {
      return work.doPart();
    } finally {
      this.#doneMs = this.#clock.now();
      const usedMs = this.#doneMs - nowMs;
      this.#busyMs += usedMs;
      if (allowance === null) this.#workedMs += usedMs;
      else allowance.spend(usedMs);
    }
  }

  /** Does one part each until the time is used up. What is incomplete queues again. */
  #runTurn(): void {
    this.#workedMs = 0;
    const beganMs = this.#clock.now();
    let nowMs = beganMs;
    let count = 0;
    while (count < this.#jobs.length && nowMs - beganMs < TURN_MS) {
      const job = this.#jobs[count++]!;
      try {
        if (this.#do(job.work, job.allowance, nowMs)) job.done.resolve();
        else if (!this.#letRest(job, this.#doneMs)) this.#jobs.push(job);
      } catch (error) {
        job.done.reject(error);
      }
      nowMs = this.#doneMs;
    }
    this.#workedMs = nowMs - beganMs;
    this.#jobs = this.#jobs.slice(count);
    if (this.#jobs.length > 0) this.#clock.yield(() => this.#runTurn());
  }
}
