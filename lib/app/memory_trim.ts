import type { CancelTimer, Clock } from "../base/clock.ts";
import { dropSpareSlabs } from "../hub/slab_log.ts";

/** The heap of one event loop. */
export interface Heap {
  /** Bytes in use, including garbage that was not collected yet. */
  heldBytes(): number;
  /** Drops what is kept for reuse, and collects the garbage in one of the next turns. */
  collect(): void;
}

const CHECK_MS = 5_000;

/** More than this above its usual size, and this share of it, a heap may have much garbage. */
const MIN_EXCESS_BYTES = 6 * 1024 * 1024;
const MIN_EXCESS_SHARE = 0.25;

/** Where more is allocated between two checks, the runtime collects soon by itself. */
const BUSY_BYTES = 8 * 1024 * 1024;

/**
 * Between collections the pause doubles up to this: what is left of a burst may be in use, or be
 * released later. A collection takes some 50 ms.
 */
const MAX_PAUSE_MS = 320_000;

/**
 * Gives memory back to the system after a burst. The runtime collects garbage only when much is
 * allocated. When a flood or an audience has left, little is, and its memory would stay.
 */
export class MemoryTrim {
  readonly #clock: Clock;
  readonly #heap: Heap;
  #cancel: CancelTimer = () => {};
  /** The least that it held: its usual size. */
  #leastBytes = Infinity;
  /** At the newest check. */
  #lastBytes = Infinity;
  /** At the check after the newest collection. */
  #leftBytes = Infinity;
  #collectedMs = -Infinity;
  #pauseMs = CHECK_MS;

  constructor(clock: Clock, heap: Heap) {
    this.#clock = clock;
    this.#heap = heap;
  }

  start(): void {
    this.#lastBytes = this.#leastBytes = this.#heap.heldBytes();
    this.#schedule();
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(CHECK_MS, () => {
      this.#schedule();
      this.#check(this.#heap.heldBytes());
    });
  }

  #check(heldBytes: number): void {
    const grownBytes = heldBytes - this.#lastBytes;
    this.#lastBytes = heldBytes;
    this.#leastBytes = Math.min(this.#leastBytes, heldBytes);
    if (this.#leftBytes === Infinity) this.#leftBytes = heldBytes;
    // There was another burst.
    if (heldBytes - this.#leftBytes >= MIN_EXCESS_BYTES) this.#pauseMs = CHECK_MS;
    const excessBytes = heldBytes - this.#leastBytes;
    const minBytes = Math.max(MIN_EXCESS_BYTES, this.#leastBytes * MIN_EXCESS_SHARE);
    const sinceMs = this.#clock.now() - this.#collectedMs;
    if (excessBytes < minBytes || grownBytes >= BUSY_BYTES || sinceMs < this.#pauseMs) return;
    this.#heap.collect();
    this.#collectedMs = this.#clock.now();
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
    this.#leftBytes = Infinity;
  }
}

/** Returns this thread's heap; null unless the runtime was started with `--expose-gc`. */
export function ownHeap(): Heap | null {
  const { gc } = globalThis as { gc?: (options: { type: "major"; execution: "async" }) => unknown };
  if (gc === undefined) return null;
  return {
    heldBytes() {
      const { heapUsed, external } = Deno.memoryUsage();
      return heapUsed + external;
    },
    collect() {
      dropSpareSlabs();
      void gc({ type: "major", execution: "async" });
    },
  };
}
