import { type Loan, SlabLog } from "./slab_log.ts";

/** Read access to the bytes of a stream, for cursors. */
export interface StreamLogView {
  /** Offset of the oldest byte. */
  readonly tail: number;
  /** Offset after the newest byte. */
  readonly head: number;
  /**
   * Returns the bytes from `cursor` to a message boundary; none if the cursor is at the head or
   * before the tail. The bytes never change, as long as the view is referenced.
   */
  view(cursor: number): Uint8Array<ArrayBuffer>;
  /**
   * Lends what {@linkcode lentView} returns for the same cursor. Null if the cursor is at the head
   * or before the tail.
   */
  lend(cursor: number): Loan | null;
  /** As {@linkcode view}, but the bytes may change once the loan is given back. */
  lentView(cursor: number): Uint8Array<ArrayBuffer>;
  /**
   * Returns how far the message at `cursor` is behind the newest, in ms; 0 if the cursor is at the
   * head or before the tail. Data messages do not count: metadata has no time.
   */
  lagMs(cursor: number): number;
}

/** The messages of a stream in one framing, in slabs. Each framing has its own way to append. */
export abstract class MessageLog implements StreamLogView {
  protected readonly slabs = new SlabLog();

  get tail(): number {
    return this.slabs.tail;
  }

  get head(): number {
    return this.slabs.head;
  }

  /** Memory held, in bytes. */
  get heldBytes(): number {
    return this.slabs.heldBytes;
  }

  view(cursor: number): Uint8Array<ArrayBuffer> {
    return this.slabs.view(cursor);
  }

  lend(cursor: number): Loan | null {
    return this.slabs.lend(cursor);
  }

  lentView(cursor: number): Uint8Array<ArrayBuffer> {
    return this.slabs.lentView(cursor);
  }

  abstract lagMs(cursor: number): number;

  /** Drops the slabs that end before `offset`. */
  dropBefore(offset: number): void {
    this.slabs.dropBefore(offset);
  }
}
