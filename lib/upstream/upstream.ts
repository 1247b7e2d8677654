import { checkAfter } from "../base/clock.ts";
import { describeError, UpstreamError, type UpstreamRedirect } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { Transport } from "../io/transport.ts";
import type { EdgeReport } from "../rtmp/edge_report.ts";
import { type UpstreamTarget, upstreamTarget } from "../rtmp/url.ts";
import { findOrigin, followRedirect, mayLeadTo, type UpstreamDestination } from "./redirect.ts";
import type { UpstreamContext } from "./upstream_context.ts";
import type { LinkOptions } from "./link_options.ts";
import { UpstreamLink } from "./upstream_link.ts";

/** Options of {@linkcode Upstream}. */
interface UpstreamOptions extends LinkOptions {
  readonly origin: OriginAddress;
  /** What the origin is asked for, when that is not what the client asked for. */
  readonly target?: UpstreamTarget;
}

/** See the diagram at {@linkcode Upstream}. */
type UpstreamState =
  | { readonly type: "idle" }
  | { readonly type: "dialling"; readonly abort: AbortController }
  | { readonly type: "open"; readonly link: UpstreamLink }
  | { readonly type: "closed" };

/** Redirects followed in a row; more are taken for a loop. */
const MAX_REDIRECTS = 3;

/**
 * Pulls or pushes one stream at an origin, or at the server that the origin redirects to, and
 * reports in one error why that ended. A client of any RTMP server; it knows nothing of edges but
 * the properties that they send in `connect`. It dials when the `DialGate` gives it a place.
 *
 * ```
 *                      connected
 * idle ─ run() ─► dialling ────► open ── the connection ended ──► closed
 *                  │  ▲           │                                 ▲
 *                  │  └ redirect ─┘                                 │
 *                  └──── failed; close() or finish() in any state ──┘
 * ```
 */
export class Upstream {
  readonly #context: UpstreamContext;
  readonly #options: UpstreamOptions;
  #state: UpstreamState = { type: "idle" };
  /** The origin, or where it redirected to. */
  #destination: UpstreamDestination;
  #redirectCount = 0;

  constructor(context: UpstreamContext, options: UpstreamOptions) {
    const { origin, request, client } = options;
    const vhostTemplate = context.settings().vhost;
    this.#context = context;
    this.#options = options;
    this.#destination = {
      address: origin,
      target: options.target ??
        (client === undefined
          ? upstreamTarget({ origin, request: request.url, vhostTemplate })
          : { tcUrl: client.tcUrl, app: client.app, stream: "" }),
    };
  }

  /**
   * Connects, and settles when the connection has ended. Called once.
   *
   * @throws {UpstreamError} unless it was ended by {@linkcode close} or {@linkcode finish}.
   */
  async run(): Promise<void> {
    try {
      while (!this.#isClosed) await this.#serve();
    } catch (error) {
      if (!this.#isClosed) throw this.#nameRedirect(error);
    } finally {
      this.close();
    }
  }

  /**
   * Sends what is left, then closes the connection. Unless `endsStream`, the origin takes the
   * publisher for lost and waits for its return.
   */
  finish(endsStream = true): void {
    if (this.#state.type === "open") return this.#state.link.finish(endsStream);
    this.close();
  }

  /** As {@linkcode UpstreamLink.hasReadUntil}. */
  hasReadUntil(readUntilMs: number): boolean {
    return this.#state.type !== "open" || this.#state.link.hasReadUntil(readUntilMs);
  }

  /** As {@linkcode UpstreamLink.report}; without effect until the stream has started. */
  report(audience: EdgeReport): void {
    if (this.#state.type === "open") this.#state.link.report(audience);
  }

  /** Whether the server is known to be one of ours. */
  get isOurs(): boolean {
    return this.#state.type === "open" && this.#state.link.isOurs;
  }

  /** As {@linkcode UpstreamLink.tellMoved}; false unless the stream has started. */
  tellMoved(): boolean {
    return this.#state.type === "open" && this.#state.link.tellMoved();
  }

  /** Closes the connection at once. */
  close(): void {
    const state = this.#state;
    this.#state = { type: "closed" };
    if (state.type === "dialling") state.abort.abort();
    if (state.type === "open") state.link.close();
  }

  get #isClosed(): boolean {
    return this.#state.type === "closed";
  }

  /** Serves one connection; leaves the state `open` after a redirect, else `closed`. */
  async #serve(): Promise<void> {
    const { address } = this.#destination;
    const { kind, request } = this.#options;
    const { gate } = this.#context;
    const abort = new AbortController();
    this.#state = { type: "dialling", abort };
    const place = await gate.enter({ address, kind, request }, abort.signal);
    try {
      if (!this.#isClosed) await this.#connect(abort, () => place.confirm());
    } catch (error) {
      const isRefusal = error instanceof UpstreamError && error.statusCode !== "";
      if (isRefusal && kind === "play") gate.refused(address, request, error);
      throw error;
    } finally {
      place.release();
    }
  }

  async #connect(abort: AbortController, onStarted: () => void): Promise<void> {
    const { address, target } = this.#destination;
    const transport = await this.#dial(address, abort);
    if (this.#isClosed) return transport.close();
    const { kind } = this.#options;
    const { sign } = this.#context;
    const signed = kind === "connect" || sign === undefined ? target : sign(kind, target);
    const peer = { address, target: signed, transport, onStarted };
    const link = new UpstreamLink(this.#context, this.#options, peer);
    this.#state = { type: "open", link };
    try {
      await link.run();
      this.close();
    } catch (error) {
      // A running stream is not redirected: the puller splices its next connection on.
      const redirect = error instanceof UpstreamError ? error.redirect : null;
      if (redirect === null || !link.isNegotiating) throw error;
      this.#follow(redirect);
    }
  }

  async #dial(address: OriginAddress, abort: AbortController): Promise<Transport> {
    const { network, clock, settings } = this.#context;
    const { connectTimeoutMs, tlsCa: caFile, insecure } = settings();
    const { isSecure, certificateName } = address;
    const trust = isSecure ? { caFile, isVerified: !insecure, certificateName } : undefined;
    const cancel = checkAfter(clock, connectTimeoutMs, () => abort.abort());
    try {
      return await network.connect(address, abort.signal, trust);
    } catch (error) {
      const reason = abort.signal.aborted
        ? `no answer within ${connectTimeoutMs} ms`
        : describeError(error);
      throw new UpstreamError("connect", `Cannot connect: ${reason}`, { cause: error });
    } finally {
      cancel();
    }
  }

  #follow(redirect: UpstreamRedirect): void {
    if (this.#redirectCount === MAX_REDIRECTS) {
      throw new UpstreamError("command", `Redirected more than ${MAX_REDIRECTS} times in a row`);
    }
    const from = this.#destination;
    const to = followRedirect(redirect, from);
    this.#checkStranger(to.address);
    // The list decides that an origin has TLS: no redirect leads around it.
    const listed = findOrigin(to.address, this.#context.settings());
    this.#destination = { ...to, address: listed?.isSecure === true ? listed : to.address };
    this.#redirectCount++;
    this.#options.logger.info("Origin redirects", {
      from: formatAddress(from.address),
      to: formatAddress(this.#destination.address),
    });
  }

  /**
   * Keeps an origin from having any address dialled that this server can reach, and from having a
   * client's `connect` (with `token_traverse`) sent there.
   *
   * @throws {UpstreamError} when the redirect leads to a server that is none of the origins
   */
  #checkStranger(address: OriginAddress): void {
    const settings = this.#context.settings();
    const isConnect = this.#options.kind === "connect";
    if (isConnect ? findOrigin(address, settings) !== null : mayLeadTo(address, settings)) return;
    const fix = isConnect
      ? "list it in cluster.origin; token_traverse goes to no other server"
      : "list it in cluster.origin, or write cluster { redirect any; }";
    throw new UpstreamError(
      "command",
      `Origin redirects to ${formatAddress(address)}, which is no origin of this ` +
        `vhost: ${fix}`,
    );
  }

  /** Names the server that failed when it is not the origin itself. */
  #nameRedirect(error: unknown): unknown {
    if (this.#redirectCount === 0 || !(error instanceof UpstreamError)) return error;
    const { phase, message, statusCode } = error;
    const server = formatAddress(this.#destination.address);
    return new UpstreamError(phase, `${message}: redirected to ${server}`, {
      statusCode,
      cause: error,
    });
  }
}
