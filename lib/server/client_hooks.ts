/**
 * The HTTP callbacks of one client: asks before it may connect, play or publish, and tells when that is
 * over. One request at a time, so an HTTP server hears of everything in the order in which it happened,
 * and a client cannot make more requests than the server answers.
 */

import type { VhostConfig } from "../config/config.ts";
import type { Wanted } from "./admission.ts";
import { type HookClient, HookDeadline } from "./hook_client.ts";
import { type HookedClient, type HookEvent, hookPayload, objectionTo } from "./http_hooks.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { ClientCheck } from "./vhost_service.ts";

/** Where a client is. */
export interface HookPlace {
  readonly config: VhostConfig;
  /** `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
}

/** What went to and fro between a client and the server, in bytes. */
export interface HookTotals {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** An action that may be refused. */
type Question = "on_connect" | "on_play" | "on_publish";

const QUESTIONS = { play: "on_play", publish: "on_publish" } as const;

/** How the end of what was allowed is called. */
const ENDINGS = { on_play: "on_stop", on_publish: "on_unpublish" } as const;

/**
 * See the file comment. An end is told of everything that was asked and not refused, also when its answer
 * was not waited for: the HTTP server may have said yes.
 */
export class ClientHooks {
  readonly #hooks: HookClient;
  readonly #client: HookedClient;
  /** Where the client is connected or may be, by vhost: mostly one, but a stream may name another. */
  readonly #connections = new Map<string, HookPlace>();
  /** Vhosts that have let it connect. */
  readonly #welcomes = new Set<string>();
  #stream: { readonly action: keyof typeof ENDINGS; readonly place: HookPlace } | null = null;
  /** Settles when everything so far is asked and told. */
  #tail: Promise<void> = Promise.resolve();
  #queuedCount = 0;

  constructor(hooks: HookClient, client: HookedClient) {
    this.#hooks = hooks;
    this.#client = client;
  }

  /**
   * Asks whether the client may do what it wants, and first whether it may connect to the vhost, if that is
   * not known. `onAnswer` is called once, later, unless cancelled before: with why not, or null; it must
   * not throw.
   *
   * @returns null when there is nobody to ask
   */
  ask(
    wanted: Wanted,
    place: HookPlace,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    const { enabled, timeoutMs, urls } = place.config.httpHooks;
    if (!enabled) return null;
    const questions = this.#questionsFor(wanted, place);
    if (this.#queuedCount === 0 && questions.every((action) => urls[action].length === 0)) {
      for (const action of questions) this.#begin(action, place);
      this.#welcomes.add(place.config.name);
      return null;
    }
    const deadline = new HookDeadline(this.#hooks.clock, timeoutMs);
    this.#queue(async () => {
      const objection = await this.#askAll(questions, place, deadline);
      deadline.end();
      if (!deadline.isCancelled) onAnswer(objection);
    });
    return { cancel: () => deadline.cancel() };
  }

  /**
   * The client was refused for another reason. No end of its publish is told: somebody else may publish
   * the stream, and programs made for SRS take the end for that one's.
   */
  onRefused(): void {
    if (this.#stream?.action === "on_publish") this.#stream = null;
  }

  /** The client left its stream. Harmless without one. */
  leaveStream(): void {
    if (this.#stream === null) return;
    const { action, place } = this.#stream;
    this.#stream = null;
    this.#tell({ action: ENDINGS[action] }, place);
  }

  /** The client is gone. */
  close({ sentBytes, receivedBytes }: HookTotals): void {
    this.leaveStream();
    for (const place of this.#connections.values()) {
      this.#tell({ action: "on_close", sentBytes, receivedBytes }, place);
    }
    this.#connections.clear();
  }

  #questionsFor(wanted: Wanted, { config }: HookPlace): Question[] {
    if (wanted === "connect") return ["on_connect"];
    const question = QUESTIONS[wanted];
    return this.#welcomes.has(config.name) ? [question] : ["on_connect", question];
  }

  /** @returns why the client is not let in; null when it is, and when nobody wants to know any more. */
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
      this.#welcomes.add(place.config.name);
    }
    return null;
  }

  #begin(action: Question, place: HookPlace): void {
    if (action === "on_connect") {
      this.#connections.set(place.config.name, place);
    } else {
      this.#stream = { action, place };
    }
  }

  #takeBack(action: Question, place: HookPlace): void {
    if (action === "on_connect") {
      this.#connections.delete(place.config.name);
    } else {
      this.#stream = null;
    }
  }

  #tell(event: HookEvent, place: HookPlace): void {
    const { timeoutMs, urls } = place.config.httpHooks;
    if (urls[event.action].length === 0) return;
    this.#queue(async () => {
      const deadline = new HookDeadline(this.#hooks.clock, timeoutMs);
      await this.#hooks.tell(this.#callFor(event, place, deadline));
      deadline.end();
    });
  }

  #callFor(event: HookEvent, { config, url }: HookPlace, deadline: HookDeadline) {
    const { action } = event;
    const subject = { server: this.#hooks.server, client: this.#client, url };
    const payload = hookPayload(event, subject);
    return { action, urls: config.httpHooks.urls[action], payload, deadline };
  }

  #queue(task: () => Promise<void>): void {
    this.#queuedCount++;
    this.#tail = this.#tail.then(task).finally(() => this.#queuedCount--);
    this.#hooks.track(this.#tail);
  }
}
