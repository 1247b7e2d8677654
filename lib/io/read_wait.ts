/**
 * Tells a silent peer from one whose bytes are not received yet: while its connection waits for its
 * turn, or for the end of a pause, what the peer sends waits in the socket.
 */
export class ReadWait {
  /** Since when all that arrives is received at once; Infinity during a wait. */
  #receivesSinceMs = -Infinity;

  /** Nothing more is received until {@linkcode end}. */
  begin(): void {
    this.#receivesSinceMs = Infinity;
  }

  /** All that arrives is received at once again. */
  end(nowMs: number): void {
    this.#receivesSinceMs = nowMs;
  }

  /**
   * Whether everything was received that had arrived until `readUntilMs`, if no read was late. If
   * not, the peer may only seem silent.
   */
  hasReadUntil(readUntilMs: number): boolean {
    return this.#receivesSinceMs <= readUntilMs;
  }
}
