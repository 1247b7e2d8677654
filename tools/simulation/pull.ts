import type { CancelTimer } from "../../lib/base/clock.ts";
import { UpstreamError, type UpstreamPhase } from "../../lib/base/errors.ts";
import type { DialPlace } from "../../lib/upstream/dial_gate.ts";
import type { ServerState, SimulatedServer, World } from "./server.ts";
import type { SimulatedStream } from "./stream.ts";

/** One attempt of an edge to pull a stream from a server, until its connection ends. */
export class SimulatedPull {
  readonly upstream: SimulatedServer;
  readonly #stream: SimulatedStream;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
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

  /** Whether it has brought media and is connected. */
  get isFeeding(): boolean {
    return this.#isFeeding;
  }

  /** Settles when the connection has ended: rejects with the reason unless it was stopped. */
  async run(): Promise<void> {
    const { server, request } = this.#stream;
    const { address } = this.upstream;
    this.#place = await server.gate.enter({ address, kind: "play", request }, this.#abort.signal);
    try {
      this.#dial();
      await this.#ended.promise;
    } finally {
      this.#isFeeding = false;
      this.#cancelTimeout?.();
      this.#remote?.removePull(this);
      this.#place.release();
    }
  }

  stop(): void {
    this.#isOver = true;
    this.#abort.abort(new Error("stopped"));
    this.#ended.resolve();
  }

  /** The stream at the other end began or stopped to have media. */
  onUpstreamChanged(): void {
    if (this.#remote!.isLive) return this.#onMedia();
    if (this.#isFeeding) this.#onSilent();
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
    this.#stream.onMedia();
  }

  #onSilent(): void {
    if (!this.#isFeeding) return;
    this.#stream.onSilent();
    if (!this.#stream.server.origins!.hasOtherThan(this.upstream.address)) return;
    const { stallTimeoutMs } = this.#world.settings;
    this.#after(stallTimeoutMs, () => this.#fail("media", `Silent for ${stallTimeoutMs} ms`));
  }

  #after(ms: number, run: () => void): void {
    this.#cancelTimeout?.();
    this.#cancelTimeout = this.#world.clock.after(ms, run);
  }

  #fail(phase: UpstreamPhase, message: string): void {
    this.#isOver = true;
    this.#ended.reject(new UpstreamError(phase, message));
  }
}
