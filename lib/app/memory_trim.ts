import type { CancelTimer, Clock } from "../base/clock.ts";
import { dropSpareSlabs } from "../hub/slab_log.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { WorkTurns } from "../io/work_turns.ts";

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
 * So it does where reads and writes take more than this share of the time. Everyone would wait for
 * a collection of ours: some 50 ms, 110 with a thousand publishers.
 */
const BUSY_SHARE = 0.05;

/**
 * Between collections the pause doubles up to this: what is left of a burst may be in use, or be
 * released later.
 */
const MAX_PAUSE_MS = 320_000;

/** Options of {@linkcode MemoryTrim}. */
interface MemoryTrimOptions {
  readonly clock: Clock;
  readonly heap: Heap;
  /** Measures the work of reads. */
  readonly turns: Pick<WorkTurns, "busyMs">;
  /** Measures the work of writes. */
  readonly queue: Pick<FlushQueue, "busyMs">;
}

/**
 * Gives memory back to the system after a burst. The runtime collects garbage only when much is
 * allocated. When a flood or an audience has left, little is, and its memory would stay.
 */
export class MemoryTrim {
  readonly #options: MemoryTrimOptions;
  #cancel: CancelTimer = () => {};
  /** The least that it held: its usual size. */
  #leastBytes = Infinity;
  /** At the newest check. */
  #lastBytes = Infinity;
  #lastBusyMs = 0;
  #collectedMs = -Infinity;
  #pauseMs = CHECK_MS;

  constructor(options: MemoryTrimOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lastBytes = this.#leastBytes = this.#options.heap.heldBytes();
    this.#schedule();
  }

  stop(): void {
    this.#cancel();
  }

  #schedule(): void {
    const { clock, heap } = this.#options;
    this.#cancel = clock.after(CHECK_MS, () => {
      this.#schedule();
      this.#check(heap.heldBytes());
    });
  }

  #check(heldBytes: number): void {
    const { clock, heap, turns, queue } = this.#options;
    const grownBytes = heldBytes - this.#lastBytes;
    const busyMs = turns.busyMs + queue.busyMs;
    const isBusy = grownBytes >= BUSY_BYTES || busyMs - this.#lastBusyMs >= BUSY_SHARE * CHECK_MS;
    this.#lastBytes = heldBytes;
    this.#lastBusyMs = busyMs;
    this.#leastBytes = Math.min(this.#leastBytes, heldBytes);
    // A burst. What grows slowly is everyday garbage, which the runtime collects in small steps.
    if (grownBytes >= MIN_EXCESS_BYTES) this.#pauseMs = CHECK_MS;
    const excessBytes = heldBytes - this.#leastBytes;
    const minBytes = Math.max(MIN_EXCESS_BYTES, this.#leastBytes * MIN_EXCESS_SHARE);
    if (isBusy || excessBytes < minBytes) return;
    if (clock.now() - this.#collectedMs < this.#pauseMs) return;
    heap.collect();
    this.#collectedMs = clock.now();
    this.#pauseMs = Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
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
