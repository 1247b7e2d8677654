/** The seam between the program and sockets: `deno_tcp.ts` on one side, memory in tests on the other. */

/** A byte stream to one peer. */
export interface Transport {
  /** Address of the peer for people, `203.0.113.9:52114`. */
  readonly remote: string;
  /**
   * Reads what is there into `buffer`, waiting for at least one byte.
   *
   * @returns bytes read, or null at the end of the stream. Rejects when the connection breaks.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes at least one byte and possibly fewer than all. Zero-copy: `bytes` must not change before the
   * promise settles. One write at a time. Rejects when the connection breaks; how much was sent is then
   * unknown.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions; pending calls reject. Harmless when repeated. */
  close(): void;
}

/** Accepts connections. */
export interface Listener {
  readonly hostname: string;
  /** The real port, also when 0 was asked for. */
  readonly port: number;
  /** The next connection. Rejects on failure, also for passing reasons such as no free descriptor. */
  accept(): Promise<Transport>;
  /** Stops accepting; a pending accept rejects. */
  close(): void;
}

/** Where to connect to or to listen. */
export interface NetAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Makes connections and listeners. */
export interface Network {
  listen(address: NetAddress): Listener;
  /** Connects; rejects when `signal` aborts first. */
  connect(address: NetAddress, signal: AbortSignal): Promise<Transport>;
}
