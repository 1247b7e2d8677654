import type { ClientSession } from "../session/client_session.ts";
import type { SocketWriter } from "../io/socket_writer.ts";
import type { UpstreamSettings } from "./upstream_context.ts";

/** What a {@linkcode LinkWatch} watches, and by which limits. */
interface LinkWatchOptions {
  readonly kind: "play" | "publish" | "connect";
  readonly settings: () => UpstreamSettings;
  readonly session: Pick<ClientSession, "phase" | "ping">;
  readonly writer: Pick<SocketWriter, "waitingControlBytes" | "inFlightSinceMs" | "isBusy">;
  /** Whether there is another origin to try. */
  readonly hasAlternative: () => boolean;
  /** Whether others wait for the place of this connection. */
  readonly isInTheWay: () => boolean;
  /** The server may leave pings unanswered for as long as it takes what is sent. */
  readonly mayIgnorePings: boolean;
}

/** Finds out when a server is to be left: because it does not answer, or is dead. */
export class LinkWatch {
  readonly #options: LinkWatchOptions;
  #beganMs = 0;
  #lastReadMs = 0;
  /** Null when no answer is awaited. */
  #pingSentMs: number | null = null;

  constructor(options: LinkWatchOptions) {
    this.#options = options;
  }

  /** The connection begins. */
  begin(nowMs: number): void {
    this.#beganMs = nowMs;
    this.#lastReadMs = nowMs;
  }

  /** The server has sent something: any byte counts as an answer. */
  noteRead(nowMs: number): void {
    this.#lastReadMs = nowMs;
    this.#pingSentMs = null;
  }

  /**
   * Pings a silent server.
   *
   * @param readUntilMs All that the server had sent until then was read.
   * @param hasStarted It accepted, or sent the first media.
   * @returns why the server is to be left, or null
   */
  check(readUntilMs: number, nowMs: number, hasStarted: boolean): string | null {
    const { settings, session, hasAlternative, isInTheWay } = this.#options;
    const { startTimeoutMs } = settings();
    const { phase } = session;
    const isAsking = phase === "handshake" || phase === "command" || phase === "publish";
    // Unless others wait for its place, a play may wait for the publisher.
    if (!hasStarted && (isAsking || hasAlternative() || isInTheWay())) {
      return readUntilMs - this.#beganMs < startTimeoutMs
        ? null
        : `no stream within ${startTimeoutMs} ms`;
    }
    return this.#checkSilence(readUntilMs, nowMs);
  }

  /** A silent server may have a silent publisher: it is pinged before it is left. */
  #checkSilence(readUntilMs: number, nowMs: number): string | null {
    const { session, writer, mayIgnorePings } = this.#options;
    const { silentMs, answerMs } = this.#pingBudget();
    if (this.#pingSentMs === null) {
      if (readUntilMs - this.#lastReadMs < silentMs) return null;
      this.#pingSentMs = nowMs;
      session.ping(Math.trunc(nowMs));
      return null;
    }
    if (mayIgnorePings && !writer.isBusy) this.#pingSentMs = nowMs;
    // The ping may still wait behind other bytes: its time starts when the server last took some.
    if (writer.waitingControlBytes > 0 || mayIgnorePings) {
      this.#pingSentMs = Math.max(this.#pingSentMs, writer.inFlightSinceMs);
    }
    return readUntilMs - this.#pingSentMs < answerMs ? null : "the origin does not answer pings";
  }

  /**
   * How long a server may be silent before it is pinged, and how long the answer may take. Only a
   * ping shows that the origin of a push froze, so with another origin at hand both fit the stall
   * budget.
   */
  #pingBudget(): { silentMs: number; answerMs: number } {
    const { kind, settings, hasAlternative } = this.#options;
    const { startTimeoutMs, stallTimeoutMs } = settings();
    return kind === "publish" && hasAlternative()
      ? { silentMs: stallTimeoutMs / 2, answerMs: stallTimeoutMs / 2 }
      : { silentMs: stallTimeoutMs, answerMs: startTimeoutMs };
  }
}
