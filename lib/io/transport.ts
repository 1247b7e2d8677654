/** The seam between the program and sockets: `tcp.ts` implements it, and tests do so in memory. */

import type { NameResolver } from "./name_resolver.ts";

/** A byte stream to one peer. */
export interface Transport {
  /** Address of the peer, `203.0.113.9:52114`. */
  readonly remote: string;
  /** Whether the bytes are encrypted on their way (TLS). */
  readonly isSecure: boolean;
  /**
   * Does what must precede the first read: receives a PROXY header, completes a TLS handshake.
   * Absent when there is nothing to do. Called once. It has no time limit.
   *
   * @returns false when the peer has left without a word. Rejects when the peer breaks a protocol,
   * or when the connection is closed or lost.
   */
  readonly prepare?: () => Promise<boolean>;
  /**
   * Reads what has arrived into `buffer`, waiting for at least one byte.
   *
   * @returns bytes read, or null at the end of the stream. Rejects when the connection is closed or
   * lost; `describeExpectedEnd` says why.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes at least one byte, possibly not all. Zero-copy: `bytes` must not change before the
   * promise settles. One write at a time. Rejects when the connection is closed or lost; how much
   * was sent is then unknown.
   *
   * @returns bytes written.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes both directions; pending calls reject. Harmless when repeated. */
  close(): void;
}

/** Accepts connections. */
export interface Listener {
  readonly hostname: string;
  /** The real port, even if 0 was requested. */
  readonly port: number;
  /**
   * Returns the next connection. Rejects on failure, also for transient ones (no free descriptor).
   */
  accept(): Promise<Transport>;
  /** Stops accepting; a pending accept rejects. */
  close(): void;
}

/** An address to connect to or to listen on. */
export interface NetAddress {
  readonly hostname: string;
  readonly port: number;
}

/** What a server proves its identity with (TLS). Both are PEM. */
export interface TlsIdentity {
  /** The server's certificate, then those between it and a known issuer. */
  readonly cert: string;
  readonly key: string;
}

/** Options of {@linkcode Network.listen}. */
interface ListenerOptions {
  /** Makes all connections TLS. */
  readonly tls?: TlsIdentity;
  /** The address is open already, and the kernel distributes the clients (Linux). */
  readonly isSecond?: boolean;
}

/** How the server of a connection proves its identity (TLS). */
export interface TlsTrust {
  /** File with issuers that are trusted besides the runtime's, PEM; empty for none. */
  readonly caFile: string;
  /** False accepts any certificate, so that anyone on the way may answer for the server. */
  readonly isVerified: boolean;
  /** The name in its certificate, where it is not the address. */
  readonly certificateName?: string | undefined;
}

/** Opens connections and listeners. */
export interface Network {
  /** Asks the DNS for names that stand for several servers. */
  readonly names: NameResolver;
  /** @throws when the address is in use or not permitted, or the identity is not valid. */
  listen(address: NetAddress, options?: ListenerOptions): Listener;
  /**
   * Connects. Rejects when that fails or `signal` aborts first.
   *
   * @param trust Makes the connection TLS.
   */
  connect(address: NetAddress, signal: AbortSignal, trust?: TlsTrust): Promise<Transport>;
}
