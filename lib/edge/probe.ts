import { UpstreamError } from "../base/errors.ts";
import { silentLogger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { Upstream } from "../upstream/upstream.ts";
import type { UpstreamListener } from "../upstream/upstream_listener.ts";
import type { EdgeContext } from "./edge_context.ts";

/**
 * Asks one origin once whether it has a stream: plays it until the first media. What the origin
 * says is noted for all pulls of the vhost.
 */
export class Probe implements UpstreamListener {
  readonly #context: EdgeContext;
  readonly #origin: OriginAddress;
  readonly #name: string;
  readonly #upstream: Upstream;
  readonly #endMs: number;
  readonly #beganMs: number;
  /** Null before the origin has said anything. */
  #found: "carried" | "missing" | null = null;

  constructor(context: EdgeContext, origin: OriginAddress, request: StreamRequest) {
    const { connectTimeoutMs, startTimeoutMs } = context.settings();
    this.#context = context;
    this.#origin = origin;
    this.#name = request.name;
    this.#beganMs = context.clock.now();
    this.#endMs = this.#beganMs + connectTimeoutMs + startTimeoutMs;
    this.#upstream = new Upstream(context, {
      kind: "play",
      // One every few seconds would hide what matters.
      logger: silentLogger,
      origin,
      request: { ...request, isProbe: true },
      hasAlternative: () => true,
      backlogMs: () => 0,
      wantsAnswer: true,
      listener: this,
    });
  }

  /** Dials, and settles when the answer is noted. Called once. Never rejects. */
  async run(): Promise<void> {
    const { origins } = this.#context;
    try {
      await this.#upstream.run();
    } catch (error) {
      this.#noteFailure(error);
    } finally {
      origins.probePace.end(this.#origin);
    }
    if (this.#found === null) return origins.left(this.#origin);
    origins.succeeded(this.#origin);
    origins.places.note(this.#origin, this.#name, this.#found);
  }

  /** Gives an origin up that says nothing, though it keeps the connection. */
  check(nowMs: number): void {
    if (nowMs < this.#endMs) return;
    this.#found ??= "missing";
    this.close();
  }

  /** Ends the connection at once; what the origin has not said yet stays unknown. */
  close(): void {
    this.#upstream.close();
  }

  onStarted(): void {}

  onMedia(): void {
    if (this.#found !== null) return;
    this.#found = "carried";
    this.#upstream.finish();
  }

  onUnpublished(): void {
    if (this.#found !== null) return;
    this.#found = "missing";
    this.#upstream.finish();
  }

  onAcknowledgement(): void {}

  #noteFailure(error: unknown): void {
    if (this.#found !== null) return;
    const { origins } = this.#context;
    origins.failed(this.#origin, error, this.#beganMs);
    if (!(error instanceof UpstreamError)) return;
    if (error.statusCode !== "") origins.places.note(this.#origin, this.#name, "refused");
    origins.places.noteFailure(this.#origin, this.#name, error);
  }
}
