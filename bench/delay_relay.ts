/** A TCP relay that hands every byte on later: a long way between two servers. */

/** See the file comment. */
export class DelayRelay implements Disposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #targetPort: number;
  readonly #delayMs: number;
  readonly #connections = new Set<Deno.TcpConn>();

  /** @param delayMs Delay of each direction; a round trip takes twice that. */
  constructor(targetPort: number, delayMs: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#targetPort = targetPort;
    this.#delayMs = delayMs;
    this.#accept().catch(() => {
      // The listener was closed.
    });
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
  }

  async #accept(): Promise<void> {
    while (true) {
      const near = await this.#listener.accept();
      // A real connection is there after one round trip; this one is there at once, so the first
      // bytes wait for it.
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
      for (const connection of [near, far]) {
        connection.setNoDelay(true);
        this.#connections.add(connection);
      }
      this.#pump(near, far, 2 * this.#delayMs);
      this.#pump(far, near, 0);
    }
  }

  /** Bytes keep their order, for timers of one length do. */
  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, connectMs: number): Promise<void> {
    const openMs = performance.now() + connectMs;
    let writing = Promise.resolve();
    try {
      while (true) {
        const buffer = new Uint8Array(64 * 1024);
        const count = await from.read(buffer);
        if (count === null) break;
        const dueMs = Math.max(openMs, performance.now()) + this.#delayMs;
        writing = writing
          .then(() => sleep(dueMs - performance.now()))
          .then(() => writeAll(to, buffer.subarray(0, count)))
          .catch(() => close(to));
      }
    } catch {
      // One side is gone: so is the other.
    }
    await writing;
    for (const connection of [from, to]) {
      close(connection);
      this.#connections.delete(connection);
    }
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function sleep(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
