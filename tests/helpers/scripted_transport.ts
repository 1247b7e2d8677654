import type { Transport } from "../../lib/io/transport.ts";
import { concatBytes } from "../../lib/base/bytes.ts";

interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly resolve: (count: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A socket whose writes a test settles by hand, one at a time and only in part if it likes. The
 * bytes of a write are read when it settles, as the system does.
 */
export class ScriptedTransport implements Transport {
  readonly isSecure = false;
  readonly remote = "203.0.113.9:52114";
  /** Misuse that no socket allows: a second write during a write, an empty write. */
  readonly faults: string[] = [];
  /** Lengths of all writes, settled or not. */
  readonly writes: number[] = [];
  readonly #taken: Uint8Array[] = [];
  #pending: PendingWrite | null = null;

  /** Bytes that the peer has received. */
  get received(): Uint8Array {
    return concatBytes(this.#taken);
  }

  get isWriting(): boolean {
    return this.#pending !== null;
  }

  read(): Promise<number | null> {
    return new Promise(() => {});
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#pending !== null) this.faults.push("a write during another");
    if (bytes.length === 0) this.faults.push("an empty write");
    this.writes.push(bytes.length);
    return new Promise((resolve, reject) => {
      this.#pending = { bytes, resolve, reject };
    });
  }

  /**
   * Lets the write take up to `count` bytes, at least one. Settle the clock to see what follows.
   */
  accept(count = Infinity): void {
    const write = this.#take();
    const taken = write.bytes.slice(0, Math.max(1, count));
    this.#taken.push(taken);
    write.resolve(taken.length);
  }

  /** Fails the write. */
  fail(error: Error = new Deno.errors.BrokenPipe("broken")): void {
    this.#take().reject(error);
  }

  close(): void {}

  #take(): PendingWrite {
    const write = this.#pending;
    if (write === null) throw new Error("No write is under way");
    this.#pending = null;
    return write;
  }
}
