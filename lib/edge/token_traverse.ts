import { describeError, UpstreamError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { ClientCheck } from "../server/vhost_service.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import type { EdgeContext } from "./edge_context.ts";
import { Upstream } from "../upstream/upstream.ts";
import type { UpstreamListener } from "../upstream/upstream_listener.ts";

/** Options of {@linkcode TokenCheck}. */
interface TokenCheckOptions {
  readonly request: StreamRequest;
  readonly logger: Logger;
  readonly client: ConnectRequest;
  /**
   * Called once unless cancelled, never in the call of `start`: why the client is refused, or null.
   */
  readonly onAnswer: (objection: string | null) => void;
}

/**
 * Asks the origins whether they would let a client connect, by repeating its `connect`: that may
 * carry a token that only they understand (`token_traverse`). The first origin that answers
 * decides. Each gets `connect_timeout` for the TCP connection and `start_timeout` for its answer.
 */
export class TokenCheck implements ClientCheck, UpstreamListener {
  readonly #context: EdgeContext;
  readonly #options: TokenCheckOptions;
  #upstream: Upstream | null = null;
  #isOver = false;

  constructor(context: EdgeContext, options: TokenCheckOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Dials the first origin. Called once. */
  start(): void {
    void this.#run();
  }

  cancel(): void {
    this.#isOver = true;
    this.#upstream?.close();
  }

  /** The origin accepted the `connect`; nothing else is asked of it. */
  onStarted(): void {
    this.#upstream?.close();
  }

  onMedia(): void {}

  onUnpublished(): void {}

  onAcknowledgement(): void {}

  async #run(): Promise<void> {
    const objection = await this.#askAll();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onAnswer(objection);
  }

  /** @returns why the client is refused; null when it is admitted or the check was cancelled */
  async #askAll(): Promise<string | null> {
    const { origins } = this.#context;
    let untried = origins.all;
    let reason = "";
    while (untried.length > 0) {
      const origin = origins.choose(untried, false);
      untried = untried.filter((other) => other !== origin);
      try {
        await this.#ask(origin);
        return null;
      } catch (error) {
        reason = describeError(error);
        if (isRefusal(error)) return reason;
      }
    }
    return `No origin could be asked about the client: ${reason}`;
  }

  async #ask(origin: OriginAddress): Promise<void> {
    const { origins, clock } = this.#context;
    const { request, client, logger } = this.#options;
    const beganMs = clock.now();
    this.#upstream = new Upstream(this.#context, {
      kind: "connect",
      logger,
      origin,
      request,
      client,
      listener: this,
      hasAlternative: () => true,
      backlogMs: () => 0,
    });
    try {
      await this.#upstream.run();
      if (!this.#isOver) origins.succeeded(origin);
    } catch (error) {
      origins.failed(origin, error, beganMs);
      throw error;
    }
  }
}

/** Whether the origin itself refused; otherwise it could not be asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof UpstreamError && error.statusCode !== "";
}
