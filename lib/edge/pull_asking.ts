import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { OriginLoop } from "../upstream/origin_loop.ts";
import type { OriginSet } from "../upstream/origin_set.ts";
import { askInTurn } from "./ask_in_turn.ts";
import type { Feed } from "./feed.ts";
import type { FeedMaker } from "./feed_maker.ts";
import { blameRequest, type PlayerRequests } from "./player_requests.ts";
import type { PullJournal } from "./pull_journal.ts";
import type { PullState } from "./pull_state.ts";
import type { PullWatch } from "./pull_watch.ts";
import { AVOIDED, PACED, STILL_SILENT } from "./quiet_errors.ts";
import type { Race } from "./race.ts";

/** The parts of a pull that its attempts use. */
interface PullParts {
  readonly origins: OriginSet;
  readonly requests: PlayerRequests;
  readonly isAvoided: (origin: OriginAddress) => boolean;
  readonly state: PullState;
  readonly feeds: FeedMaker;
  readonly race: Race;
  readonly watch: PullWatch;
  readonly journal: PullJournal;
  readonly loop: () => OriginLoop;
  readonly onFailed: (origin: OriginAddress, error: unknown) => void;
}

/** The attempts of a pull: asks one origin after the other, and stays with the one that feeds. */
export class PullAsking {
  readonly #parts: PullParts;
  /** An origin has refused all requests, so another player's may end a pause. */
  lacksRequest = false;

  constructor(parts: PullParts) {
    this.#parts = parts;
  }

  /**
   * Tries one origin, with one request after the other while it refuses them, and stays with the
   * one that feeds the stream. Rejects when another is needed.
   */
  async attempt(origin: OriginAddress): Promise<void> {
    const active = this.#parts.state.active;
    // It won in the pause before this attempt, or sends again.
    if (active !== null && !this.#parts.state.isLeaving) {
      this.#parts.loop().returnedTo(active.origin);
      return await this.#stay();
    }
    await askInTurn({
      requests: this.#parts.requests,
      origin,
      ask: (request) => this.#ask(origin, request),
      onRefused: (error) => this.#parts.onFailed(origin, error),
      onNoneLeft: () => this.lacksRequest = true,
      isStopped: () => this.#parts.state.isStopped,
    });
  }

  /** A player joined. */
  onRequest(): void {
    const { requests, state: { active, candidate }, loop } = this.#parts;
    if (this.lacksRequest) loop().wake();
    if (active !== null || candidate === null || candidate.hasMedia) return;
    // The origin keeps the play waiting, as those before wanted: it is asked again, for an answer.
    if (requests.wantsAnswer && !candidate.wantsAnswer) candidate.finish();
  }

  async #ask(origin: OriginAddress, request: StreamRequest): Promise<void> {
    const active = this.#parts.state.active;
    if (this.#parts.isAvoided(origin)) throw AVOIDED;
    // Not an UpstreamError: the origin was not asked, so nothing new is known of its health.
    if (active?.origin === origin && !this.#parts.state.isMoving) throw STILL_SILENT;
    if (active !== null && !this.#parts.watch.mayDial(active)) throw PACED;
    const overtaken = this.#parts.race.take(origin);
    const candidate = overtaken ?? this.#parts.feeds.feed(origin, request, this.#parts.state.how);
    this.#parts.state.try(candidate);
    if (overtaken === null) {
      this.#parts.journal.report.attempted(origin);
      candidate.start();
    }
    const ended = this.#parts.race.run(candidate, () => this.#overtake(candidate));
    await this.#unlessCovered(candidate, ended);
    // The candidate was ended here, because another has something: stay with that one.
    await this.#stay();
  }

  async #stay(): Promise<void> {
    for (let feed = this.#parts.state.active; feed !== null; feed = this.#parts.state.active) {
      await this.#unlessCovered(feed, feed.watch());
    }
  }

  /** Settles as `ended`, but resolves when the standby has taken over from `feed`. */
  async #unlessCovered(feed: Feed, ended: Promise<void>): Promise<void> {
    try {
      await ended;
    } catch (error) {
      const { active } = this.#parts.state;
      if (active === null || active === feed || this.#parts.state.isLeaving) throw error;
      this.#parts.origins.failed(feed.origin, error, feed.beganMs);
      this.#parts.loop().returnedTo(active.origin);
    }
  }

  /** @returns whether the next origin is asked beside `candidate`, which has not answered */
  #overtake(candidate: Feed): boolean {
    if (
      candidate !== this.#parts.state.candidate || this.#parts.state.isMoving ||
      !this.#parts.loop().hasNext
    ) return false;
    this.#parts.state.endCandidate();
    return true;
  }

  /** One that was overtaken has nothing. */
  overtakenEnded({ origin, request, beganMs }: Feed, error: unknown): void {
    if (error === null) return;
    this.#parts.origins.failed(origin, error, beganMs);
    blameRequest(this.#parts.requests, request, origin, error);
    this.#parts.onFailed(origin, error);
  }
}
