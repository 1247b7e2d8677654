/** A TCP relay that delays every byte, to simulate a long distance between two servers. */
export class DelayRelay implements Disposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #targetPort: number;
  readonly #delayMs: number;
  readonly #connections = new Set<Deno.TcpConn>();

  /** @param delayMs Delay in each direction; a round trip takes twice as long. */
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
      // A real connection is established after one round trip. This one is established at once, so
      // the first bytes are held back instead.
      const far = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
      for (const connection of [near, far]) {
        connection.setNoDelay(true);
        this.#connections.add(connection);
      }
      this.#pump(near, far, 2 * this.#delayMs);
      this.#pump(far, near, 0);
    }
  }

  /** Copies bytes in order: timers with the same delay fire in order. */
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
      // One side has closed; close the other.
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
    // Already closed.
  }
}
