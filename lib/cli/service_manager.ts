import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { TaskQueue } from "../base/task_queue.ts";

/** How long to wait for the last message when the program ends, in ms. */
const CLOSE_TIMEOUT_MS = 500;

/**
 * Reports the state of the program to the service manager that has set `NOTIFY_SOCKET`, as
 * sd_notify(3) describes: systemd with `Type=notify` or `notify-reload`, Podman. Without that
 * variable, it does nothing.
 */
export class ServiceManager {
  readonly #address: Deno.UnixAddr;
  readonly #logger: Logger;
  readonly #queue = new TaskQueue();
  /** Null when there is no manager. */
  #socket: Deno.DatagramConn | null = null;
  #hasFailed = false;
  #isReplaced = false;

  private constructor(path: string, logger: Logger) {
    this.#logger = logger;
    // systemd writes @ for the zero byte that begins an abstract address.
    this.#address = { transport: "unixpacket", path: path.replace(/^@/, "\0") };
  }

  /** @param path The value of `NOTIFY_SOCKET`; empty for none. */
  static open(path: string, logger: Logger): ServiceManager {
    const manager = new ServiceManager(path, logger);
    if (path !== "") manager.#open();
    return manager;
  }

  /** All listeners are open. */
  ready(status: string): void {
    this.#send("READY=1", `STATUS=${status}`);
  }

  /**
   * A reload begins; {@linkcode ready} ends it.
   *
   * DEVIATION: MONOTONIC_USEC is the wall clock | because the runtime does not show the monotonic
   * one, and systemd only wants a time that is not before its signal's; the wall clock is ahead |
   * test "edge notifies a service manager at a file: ready, reloading, drained, stopping"
   */
  reloading(): void {
    this.#send("RELOADING=1", `MONOTONIC_USEC=${Date.now()}000`, "STATUS=Reloading");
  }

  /** Something else that `systemctl status` shows. */
  status(text: string): void {
    this.#send(`STATUS=${text}`);
  }

  /**
   * Process `pid` is the service from now on; it speaks for itself. Nothing else is reported: that
   * this process stops does not concern the service any longer.
   */
  handOver(pid: string): void {
    this.#send(`MAINPID=${pid}`);
    this.#isReplaced = true;
  }

  /** That process has died, and this one is the service again. */
  takeBack(status: string): void {
    this.#isReplaced = false;
    this.#send(`MAINPID=${Deno.pid}`, `STATUS=${status}`);
  }

  /** The program ends by itself. */
  stopping(): void {
    this.#send("STOPPING=1", "STATUS=Stopping");
  }

  /** Resolves when the last message is sent, or after half a second. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#queue.idle, promise]);
    clearTimeout(timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #open(): void {
    const name = `edge-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
    let problem: unknown;
    // The runtime has no sockets without an address, and before Deno 2.9 no abstract ones.
    for (const path of [`\0${name}`, `/tmp/${name}`, name]) {
      try {
        this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
        if (!path.startsWith("\0")) Deno.removeSync(path);
        return;
      } catch (error) {
        problem = error;
      }
    }
    this.#report(problem);
  }

  #send(...lines: readonly string[]): void {
    const socket = this.#socket;
    if (socket === null || this.#isReplaced) return;
    const bytes = encodeUtf8(lines.map((line) => line.replaceAll("\n", " ")).join("\n"));
    void this.#queue.run(() => socket.send(bytes, this.#address)).catch((error) =>
      this.#report(error)
    );
  }

  #report(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#logger.warning(`Service manager not notified: ${describeError(error)}`, {
      fix: "make the socket in NOTIFY_SOCKET writable, or use Type=exec",
    });
  }
}
