import { type Clock, nextTurn } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { Tally } from "../base/tally.ts";
import { formatAddress, ipOf } from "./address.ts";
import { ProxiedTransport } from "./proxied_transport.ts";
import { TlsSocketTransport } from "./tls_socket.ts";
import type { Listener, NetAddress, Network, TlsIdentity, Transport } from "./transport.ts";

/** What an {@linkcode Acceptor} works with. */
interface AcceptorOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Options of {@linkcode Acceptor.listen}. */
export interface ListenOptions {
  /** Start of the listener's name in the log: `rtmp` gives `rtmp://0.0.0.0:1935`. */
  readonly scheme: string;
  /** Whether connections from an IP address begin with a header of the PROXY protocol. */
  readonly isProxy: (ip: string) => boolean;
  /** Makes all connections TLS. */
  readonly tls?: ListenTls | undefined;
}

/** How a listener speaks TLS. */
interface ListenTls {
  readonly identity: TlsIdentity;
  /** Whether a PROXY header may precede the handshake. That costs three times as much CPU. */
  readonly followsProxy: boolean;
}

/** Receives a new connection and the name of the listener it arrived at. Must not throw. */
type OnClient = (transport: Transport, listener: string) => void;

/** Accepts per event-loop turn. Without a limit, a burst of connections starves everything else. */
const ACCEPTS_PER_TURN = 16;

/** Pause after a failed accept. The usual cause, too few file descriptors, lasts a while. */
const ACCEPT_RETRY_MS = 100;

/** A listener in which no client has arrived for this long is closed, in ms. */
const QUIET_MS = 20;

/** Under a flood, a listener is closed after this time. */
const FINISH_TIMEOUT_MS = 1_000;

/** Accepts connections at any number of addresses, each of which can be closed by itself. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #loops = new Map<string, AcceptLoop>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /**
   * Listens on an address.
   *
   * @returns the real address, which differs when port 0 was requested.
   * @throws when the address is in use or not permitted.
   */
  listen(address: NetAddress, options: ListenOptions, onClient: OnClient): NetAddress {
    return this.#open(address, { ...options, onClient, isSecond: false });
  }

  /**
   * Replaces a listener with TLS, for another certificate, and serves the clients that wait in it.
   *
   * @param address As {@linkcode listen} returned it.
   * @returns settles when the old listener accepts no more clients.
   * @throws when the new one cannot listen; the old one stays then.
   */
  async replace(address: NetAddress, options: ListenOptions, onClient: OnClient): Promise<void> {
    const before = this.#loops.get(formatAddress(address));
    this.#open(address, { ...options, onClient, isSecond: true });
    await before?.finish();
  }

  /**
   * Closes one listener. Its clients stay. Harmless when there is no such listener.
   *
   * @param address As {@linkcode listen} returned it.
   * @returns settles when it accepts no more clients.
   */
  async unlisten(address: NetAddress): Promise<void> {
    const key = formatAddress(address);
    const loop = this.#loops.get(key);
    this.#loops.delete(key);
    await loop?.stop();
  }

  /**
   * Accepts the clients that wait in listeners, which closing them would reset, and closes the
   * listeners. The clients stay. At most about a second.
   *
   * @param addresses As {@linkcode listen} returned them.
   */
  async finish(addresses: readonly NetAddress[]): Promise<void> {
    await Promise.all(
      addresses.map(formatAddress).map(async (key) => {
        const loop = this.#loops.get(key);
        this.#loops.delete(key);
        await loop?.finish();
      }),
    );
  }

  #open(address: NetAddress, task: OpenTask): NetAddress {
    const { tls, isSecond } = task;
    const listener = this.#options.network.listen(address, {
      isSecond,
      ...(tls === undefined || tls.followsProxy ? {} : { tls: tls.identity }),
    });
    const { hostname, port } = listener;
    const loop = new AcceptLoop(this.#options, { ...task, listener });
    this.#loops.set(formatAddress(listener), loop);
    loop.start();
    return { hostname, port };
  }

  /** Closes all listeners; settles when they accept no more clients. */
  async stop(): Promise<void> {
    const loops = [...this.#loops.values()];
    this.#loops.clear();
    await Promise.all(loops.map((loop) => loop.stop()));
  }
}

/** What to listen for, and whether the address is open already. */
type OpenTask = Omit<AcceptLoopTask, "listener"> & { readonly isSecond: boolean };

/** Loads Node's streams when they are needed: they take memory. */
async function secureServer(inner: Transport, identity: TlsIdentity) {
  return (await import("./tls_stream.ts")).secureServer(inner, identity);
}

/** What an {@linkcode AcceptLoop} accepts, and for whom. */
interface AcceptLoopTask extends ListenOptions {
  readonly listener: Listener;
  readonly onClient: OnClient;
}

/** Accepts connections of one listener until it is stopped, through failures that pass. */
class AcceptLoop {
  readonly #clock: Clock;
  readonly #listener: Listener;
  readonly #name: string;
  readonly #isProxy: (ip: string) => boolean;
  readonly #tls: ListenTls | undefined;
  readonly #onClient: OnClient;
  readonly #failures: Tally;
  #ended = Promise.resolve();
  #lastError: unknown = null;
  /** Ends the pause after a failed accept. */
  #wake: (() => void) | null = null;
  #isStopping = false;
  /** Clients are served until the listener is closed. */
  #isFinishing = false;
  #acceptedCount = 0;

  constructor({ clock, logger }: AcceptorOptions, task: AcceptLoopTask) {
    const { listener, scheme, isProxy, tls, onClient } = task;
    this.#clock = clock;
    this.#listener = listener;
    this.#name = `${scheme}://${formatAddress(listener)}`;
    this.#isProxy = isProxy;
    this.#tls = tls;
    this.#onClient = onClient;
    this.#failures = new Tally(clock, (count) => {
      logger.for("net").error(`Cannot accept connections: ${describeError(this.#lastError)}`, {
        listener: this.#name,
        count,
        fix: "raise the limit of open files (ulimit -n) if that is the cause",
      });
    });
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** Closes the listener when none has arrived for a moment. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const endMs = this.#clock.now() + FINISH_TIMEOUT_MS;
    const check = (before: number): void => {
      this.#clock.after(QUIET_MS, () => {
        // Sockets were polled before this timer ran: what connects from now on is reset.
        const isQuiet = this.#acceptedCount === before && this.#wake === null;
        if (isQuiet || this.#clock.now() >= endMs) resolve(this.stop());
        else check(this.#acceptedCount);
      });
    };
    check(this.#acceptedCount);
    await promise;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#failures.stop();
    this.#listener.close();
    this.#wake?.();
    await this.#ended;
  }

  async #run(): Promise<void> {
    // Not `for await`: that ends at the first failed accept.
    for (let count = 1; !this.#isStopping; count++) {
      try {
        this.#admit(await this.#listener.accept());
        if (count % ACCEPTS_PER_TURN === 0) await nextTurn(this.#clock);
      } catch (error) {
        if (this.#isStopping) return;
        this.#lastError = error;
        this.#failures.add();
        await this.#pause();
      }
    }
  }

  #admit(transport: Transport): void {
    this.#acceptedCount++;
    // A client may connect in the same turn in which the listener is closed.
    if (this.#isStopping && !this.#isFinishing) return transport.close();
    const isProxied = this.#isProxy(ipOf(transport.remote));
    const inner = isProxied ? new ProxiedTransport(transport) : transport;
    const tls = this.#tls?.followsProxy === true ? this.#tls : null;
    const client = tls === null
      ? inner
      : new TlsSocketTransport(inner, () => secureServer(inner, tls.identity));
    this.#onClient(client, this.#name);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ACCEPT_RETRY_MS, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        cancel();
        resolve();
      };
    });
  }
}
