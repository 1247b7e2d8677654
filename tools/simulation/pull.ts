import type { CancelTimer } from "../../lib/base/clock.ts";
import { UpstreamError, type UpstreamPhase } from "../../lib/base/errors.ts";
import type { DialPlace } from "../../lib/upstream/dial_gate.ts";
import type { ServerState, SimulatedServer, World } from "./server.ts";
import type { SimulatedStream } from "./stream.ts";

/** One connection by which an edge pulls a stream from a server, or tries to. */
export class SimulatedPull {
  readonly upstream: SimulatedServer;
  readonly #stream: SimulatedStream;
  readonly #abort = new AbortController();
  #watched = Promise.withResolvers<void>();
  #place: DialPlace | null = null;
  /** The stream at the other end, once the connection is accepted. */
  #remote: SimulatedStream | null = null;
  /** Of the connection, of the first media message, or of silence. */
  #cancelTimeout: CancelTimer | null = null;
  #isFeeding = false;
  #isOver = false;

  constructor(stream: SimulatedStream, upstream: SimulatedServer) {
    this.#stream = stream;
    this.upstream = upstream;
  }

  /** Whether it brings media. */
  get isFeeding(): boolean {
    return this.#isFeeding;
  }

  /** Dials when the limits allow it. Called once. */
  start(): void {
    const { server, request } = this.#stream;
    const { address } = this.upstream;
    server.gate.enter({ address, kind: "play", request }, this.#abort.signal).then(
      (place) => {
        if (this.#isOver) return place.release();
        this.#place = place;
        this.#dial();
      },
      () => {},
    );
  }

  /**
   * Settles when the connection ends: resolves when it was stopped, else rejects with the reason.
   * Also rejects when it falls silent; the connection stays.
   */
  watch(): Promise<void> {
    return this.#watched.promise;
  }

  stop(): void {
    if (this.#end()) this.#watched.resolve();
  }

  /** The stream at the other end began or stopped to have media. */
  onUpstreamChanged(): void {
    if (this.#remote!.isLive) this.#onMedia();
    else this.#onSilent();
  }

  onServerGone(state: ServerState): void {
    if (state === "lost") return this.#onSilent();
    this.#after(this.#roundTripMs / 2, () => this.#fail("media", "The connection was closed"));
  }

  get #world(): World {
    return this.#stream.server.world;
  }

  get #roundTripMs(): number {
    return this.#world.settings.roundTripMs;
  }

  #dial(): void {
    const { connectTimeoutMs, startTimeoutMs } = this.#world.settings;
    switch (this.upstream.state) {
      case "killed":
        return this.#after(this.#roundTripMs, () => this.#fail("connect", "Connection refused"));
      case "lost":
        return this.#after(connectTimeoutMs, () => this.#fail("connect", "No answer"));
      case "up":
        this.#after(startTimeoutMs, () => this.#fail("play", "No media"));
        return this.upstream.accept(() => this.#onAccepted());
      default:
        this.upstream.state satisfies never;
    }
  }

  #onAccepted(): void {
    if (this.#isOver) return;
    if (this.upstream.state === "killed") return this.#fail("handshake", "Connection closed");
    if (this.upstream.state === "lost") return;
    this.#remote = this.upstream.stream(this.#stream.number);
    this.#remote.addPull(this);
    if (this.#remote.isLive) this.#onMedia();
  }

  #onMedia(): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = null;
    this.#isFeeding = true;
    this.#place!.confirm();
    this.#stream.onMedia(this);
  }

  #onSilent(): void {
    if (!this.#isFeeding) return;
    this.#isFeeding = false;
    this.#stream.onSilent(this);
    if (!this.#stream.server.origins!.hasOtherThan(this.upstream.address)) return;
    const { stallTimeoutMs } = this.#world.settings;
    this.#after(stallTimeoutMs, () => {
      this.#reject(new UpstreamError("media", `Silent for ${stallTimeoutMs} ms`));
      this.#watched = Promise.withResolvers<void>();
    });
  }

  #after(ms: number, run: () => void): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = this.#world.clock.after(ms, run);
  }

  #fail(phase: UpstreamPhase, message: string): void {
    if (this.#end()) this.#reject(new UpstreamError(phase, message));
  }

  #reject(reason: Error): void {
    this.#watched.promise.catch(() => {});
    this.#watched.reject(reason);
  }

  /** Ends the connection. @returns false when it has ended before */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#isFeeding = false;
    this.#cancelTimeout?.();
    this.#remote?.removePull(this);
    if (this.#place === null) this.#abort.abort();
    else this.#place.release();
    this.#stream.onPullEnded(this);
    return true;
  }
}
