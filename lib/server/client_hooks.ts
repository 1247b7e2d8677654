import type { Action } from "./access_rules.ts";
import { payloadOf } from "./form_hooks.ts";
import type { HookClient } from "./hook_client.ts";
import { HookDeadline } from "./hook_deadline.ts";
import {
  type HookedClient,
  type HookEvent,
  hookPayload,
  type HookPlace,
  type HookVerdict,
  objectionTo,
  type UpdateEvent,
} from "./http_hooks.ts";
import type { HookedSession, SessionUpdates } from "./session_updates.ts";
import type { ClientCheck } from "./vhost_service.ts";

/** Bytes exchanged with a client. */
export interface HookTotals {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** A callback that may refuse. */
type Question = "on_connect" | "on_play" | "on_publish";

const QUESTIONS = { play: "on_play", publish: "on_publish" } as const;

/** The callback that reports the end of what was allowed. */
const ENDINGS = { on_play: "on_stop", on_publish: "on_unpublish" } as const;

/** The stream that a client plays or publishes, or asks for. */
interface HookedStream {
  readonly action: keyof typeof ENDINGS;
  readonly place: HookPlace;
  readonly session: HookedSession;
}

/**
 * The HTTP callbacks of one client: asks before it connects, plays or publishes, and reports when
 * that ends. One request at a time, so that an HTTP server sees all events in order and a client
 * cannot cause requests faster than they are answered.
 *
 * An end is reported for everything that was asked and not refused, even if the client left before
 * the answer arrived: the HTTP server may have allowed it.
 */
export class ClientHooks {
  readonly #hooks: HookClient;
  readonly #client: HookedClient;
  readonly #updates: SessionUpdates | null;
  /** By vhost: where the client is, or may be, connected. A stream may name another vhost. */
  readonly #connections = new Map<string, HookPlace>();
  /** Vhosts that have allowed the client to connect. */
  readonly #allowedVhosts = new Set<string>();
  #stream: HookedStream | null = null;
  /** Settles when all requests so far are done. */
  #tail: Promise<void> = Promise.resolve();
  #queuedCount = 0;

  constructor(hooks: HookClient, client: HookedClient, updates: SessionUpdates | null) {
    this.#hooks = hooks;
    this.#client = client;
    this.#updates = updates;
  }

  /**
   * Asks whether the client may do `action`, and first whether it may connect to the vhost, unless
   * the vhost has allowed that before.
   *
   * @param onAnswer Called once, after this has returned, unless cancelled: with the objection, or
   * null. Must not throw.
   * @returns null when no callback is configured
   */
  ask(
    action: Action,
    place: HookPlace,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    const { enabled, timeoutMs, urls } = place.vhost.config.httpHooks;
    if (!enabled) return null;
    const questions = this.#questionsFor(action, place);
    if (this.#queuedCount === 0 && questions.every((question) => urls[question].length === 0)) {
      for (const question of questions) {
        this.#begin(question, place);
        this.#allow(question, place);
      }
      return null;
    }
    const deadline = new HookDeadline(this.#hooks.clock, timeoutMs);
    deadline.start();
    this.#queue(async () => {
      const objection = await this.#askAll(questions, place, deadline);
      deadline.end();
      if (!deadline.isCancelled) onAnswer(objection);
    });
    return { cancel: () => deadline.cancel() };
  }

  /** The client left its stream. Harmless without one. */
  leaveStream(): void {
    if (this.#stream === null) return;
    const { action, place, session } = this.#stream;
    this.#stream = null;
    this.#updates?.remove(session);
    this.#report({ action: ENDINGS[action] }, place);
  }

  /** The client has disconnected. */
  close({ sentBytes, receivedBytes }: HookTotals): void {
    this.leaveStream();
    for (const place of this.#connections.values()) {
      this.#report({ action: "on_close", sentBytes, receivedBytes }, place);
    }
    this.#connections.clear();
  }

  #questionsFor(action: Action, { vhost }: HookPlace): Question[] {
    if (action === "connect") return ["on_connect"];
    const question = QUESTIONS[action];
    return this.#allowedVhosts.has(vhost.config.name) ? [question] : ["on_connect", question];
  }

  /** @returns the objection; null when there is none or the question was cancelled. */
  async #askAll(
    questions: readonly Question[],
    place: HookPlace,
    deadline: HookDeadline,
  ): Promise<string | null> {
    if (deadline.isCancelled) return null;
    for (const action of questions) {
      this.#begin(action, place);
      const objection = objectionTo(
        action,
        await this.#hooks.ask(this.#callFor({ action }, place, deadline)),
      );
      if (deadline.isCancelled) return null;
      if (objection !== null) {
        this.#takeBack(action, place);
        return objection;
      }
      this.#allow(action, place);
    }
    return null;
  }

  #allow(action: Question, place: HookPlace): void {
    this.#allowedVhosts.add(place.vhost.config.name);
    if (action !== "on_connect" && this.#stream !== null) this.#updates?.add(this.#stream.session);
  }

  #sessionOf(action: keyof typeof ENDINGS, place: HookPlace): HookedSession {
    const { server } = this.#hooks;
    return {
      ...{ id: this.#client.id, doing: action === "on_play" ? "play" : "publish", place },
      payloadOf: (event) => hookPayload(event, { server, client: this.#client, url: place.url }),
      ask: (event) => this.#update(event, place),
    };
  }

  #update(event: UpdateEvent, place: HookPlace): Promise<HookVerdict> {
    const { promise, resolve } = Promise.withResolvers<HookVerdict>();
    this.#queue(async () => {
      const deadline = new HookDeadline(this.#hooks.clock, place.vhost.config.httpHooks.timeoutMs);
      deadline.start();
      resolve(await this.#hooks.ask(this.#callFor(event, place, deadline)));
      deadline.end();
    });
    return promise;
  }

  #begin(action: Question, place: HookPlace): void {
    if (action === "on_connect") {
      this.#connections.set(place.vhost.config.name, place);
    } else {
      this.#stream = { action, place, session: this.#sessionOf(action, place) };
    }
  }

  #takeBack(action: Question, place: HookPlace): void {
    if (action === "on_connect") {
      this.#connections.delete(place.vhost.config.name);
    } else {
      this.#stream = null;
    }
  }

  #report(event: HookEvent, place: HookPlace): void {
    const { timeoutMs, urls } = place.vhost.config.httpHooks;
    if (urls[event.action].length === 0) return;
    this.#queue(async () => {
      const deadline = new HookDeadline(this.#hooks.clock, timeoutMs);
      deadline.start();
      await this.#hooks.report(this.#callFor(event, place, deadline));
      deadline.end();
    });
  }

  #callFor(event: HookEvent, { vhost, url }: HookPlace, deadline: HookDeadline) {
    const { action } = event;
    const subject = { server: this.#hooks.server, client: this.#client, url };
    const { format, urls } = vhost.config.httpHooks;
    const payload = payloadOf(format, event, subject);
    return { action, urls: urls[action], format, payload, deadline };
  }

  #queue(task: () => Promise<void>): void {
    this.#queuedCount++;
    this.#tail = this.#tail.then(task).finally(() => this.#queuedCount--);
    this.#hooks.track(this.#tail);
  }
}
