import type { Clock } from "../base/clock.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Refusal } from "../rtmp/status.ts";
import { parseStreamUrl, type StreamUrl } from "../rtmp/url.ts";
import { refuseLoop } from "../upstream/edge_path.ts";
import type { Action, StreamAction } from "./access_rules.ts";
import { ClientHooks, type HookPlace, type HookTotals } from "./client_hooks.ts";
import {
  type GateClient,
  type GateRequest,
  type Refused,
  refusedFor,
  type Verdict,
  withVhost,
} from "./admission.ts";
import type { Credentials } from "./credentials.ts";
import type { HandoverTrust } from "./handover.ts";
import type { HookClient } from "./hook_client.ts";
import { refuseBusy } from "./takeover.ts";
import type { VhostDirectory } from "./vhost_directory.ts";
import type { ClientCheck, NameReservation, VhostService } from "./vhost_service.ts";

/**
 * Plays and publishes of one client within {@linkcode ASK_PERIOD_MS}. A viewer who changes channels
 * needs fewer; a client that walks through names must not make an edge ask its origins for each.
 */
const MAX_ASKS = 300;
const ASK_PERIOD_MS = 60_000;

/** What a gate works with. */
export interface GateOptions {
  readonly vhosts: VhostDirectory;
  readonly credentials: Credentials;
  readonly hooks: HookClient;
  readonly clock: Pick<Clock, "now">;
  /** Id of this process among edges. */
  readonly edgeId: string;
  /** Lets in the process that replaces this one; without it, none does. */
  readonly handover?: HandoverTrust;
}

/** The rules that need no one else's answer. */
interface Rules {
  check(request: GateRequest): Verdict;
}

/** The client may connect. */
interface Connected {
  readonly type: "admitted";
  /** Null when there is no such vhost. The stream may still name another one. */
  readonly service: VhostService | null;
}

/** One step that may object to a client. @returns null when it has nothing to ask. */
type Step = (onAnswer: OnObjection) => ClientCheck | null;

/** Receives why the client is refused, or null. */
type OnObjection = (objection: string | Refusal | null) => void;

/** What one client asks of the gate, and what the callbacks are told about it. */
export class ClientAccess {
  /** As it came: its addresses may contain a stream key. */
  readonly #asked: GateClient;
  #client: GateClient;
  readonly #rules: Rules;
  readonly #options: GateOptions;
  /** Made for the first vhost with callbacks: most clients need none. */
  #hooks: ClientHooks | null = null;
  /** The step that is being waited for. */
  #pending: ClientCheck | null = null;
  /** The name that it asks to publish, until the verdict has taken effect. */
  #reservation: NameReservation | null = null;
  /** Plays and publishes since the period began. */
  #askCount = 0;
  #periodBeganMs = 0;

  constructor(client: GateClient, rules: Rules, options: GateOptions) {
    this.#asked = client;
    this.#client = client;
    this.#rules = rules;
    this.#options = options;
  }

  /** The client as others may see it, without stream keys. */
  get client(): GateClient {
    return this.#client;
  }

  /** Returns the URL of the stream that an RTMP client names. It may contain a stream key. */
  urlOf(streamName: string): StreamUrl {
    return parseStreamUrl({ ...this.#asked.connect, stream: streamName });
  }

  /** Returns the names of vhost and stream in a URL, for the log: without stream keys. */
  describe(url: StreamUrl): { readonly vhost: string; readonly stream: string } {
    const service = this.#options.vhosts.find(url.vhost);
    const { app, stream } = service === null
      ? url
      : this.#options.credentials.hideUrl(withVhost(url, service));
    return { vhost: url.vhost, stream: `${app}/${stream}` };
  }

  /**
   * Asks whether the client may connect. In a vhost that is unknown or disabled it is refused not
   * here but when it asks for a stream, because the stream may name another vhost.
   *
   * @param onVerdict Called once, maybe before this returns; never after {@linkcode leaveStream} or
   * {@linkcode close}.
   */
  connect(url: StreamUrl, onVerdict: (verdict: Connected | Refused) => void): void {
    const { vhosts, edgeId } = this.#options;
    const loop = refuseLoop(this.#asked.edgePath, edgeId);
    if (loop !== null) return onVerdict({ type: "refused", refusal: loop });
    const service = vhosts.find(url.vhost);
    const steps: Step[] = [];
    if (service !== null) this.#hideKeys(service);
    if (service?.config.enabled) {
      const { credentials } = this.#options;
      const place = { vhost: service, url: credentials.hideUrl(withVhost(url, service)) };
      steps.push((onAnswer) => this.#askHooks("connect", place, onAnswer));
    }
    this.#askInTurn(steps, (objection) => {
      onVerdict(
        objection === null ? { type: "admitted", service } : refusedFor("connect", objection),
      );
    });
  }

  /**
   * Asks whether the client may play or publish.
   *
   * @param onVerdict Called once, maybe before this returns; never after {@linkcode leaveStream} or
   * {@linkcode close}.
   */
  ask(
    action: StreamAction,
    url: StreamUrl,
    onVerdict: (verdict: Verdict) => void,
  ): void {
    const { vhosts } = this.#options;
    const { protocol, ip, connect: { pageUrl }, edgePath, backlogMs, broadcastId } = this.#asked;
    if (!this.#mayAsk()) {
      return onVerdict(
        refusedFor(action, `More than ${MAX_ASKS} plays or publishes within a minute`),
      );
    }
    const verdict = this.#rules.check({ action, protocol, url, ip, pageUrl });
    if (verdict.type === "refused") return onVerdict(verdict);
    const { service } = verdict;
    this.#hideKeys(service);
    const request = { ...verdict.request, edgePath, backlogMs, broadcastId };
    const place = { vhost: service, url: request.url };
    const steps: readonly Step[] = verdict.isHandover === true ? [] : [
      (onAnswer) => action === "publish" ? this.#reserve(service, request, onAnswer) : null,
      (onAnswer) => this.#askHooks(action, place, onAnswer),
      (onAnswer) => service.check(request, this.#client.connect, onAnswer),
    ];
    this.#askInTurn(steps, (answer) => {
      // It may have been removed or replaced while the client waited.
      const isCurrent = vhosts.find(url.vhost) === service;
      const objection = answer ?? (isCurrent ? null : "The vhost has changed; try again");
      onVerdict(objection === null ? { ...verdict, request } : refusedFor(action, objection));
      this.#release();
    });
  }

  /** The client left its stream, or no longer waits for the verdict. Harmless when repeated. */
  leaveStream(): void {
    this.#pending?.cancel();
    this.#pending = null;
    this.#release();
    this.#hooks?.leaveStream();
  }

  /** The client has disconnected. Called once. */
  close(totals: HookTotals): void {
    this.leaveStream();
    this.#hooks?.close(totals);
  }

  #hideKeys({ config }: VhostService): void {
    const asked = this.#asked;
    const connect = this.#options.credentials.hide(config.name, asked.connect);
    this.#client = connect === asked.connect ? asked : { ...asked, connect };
  }

  #release(): void {
    this.#reservation?.release();
    this.#reservation = null;
  }

  #mayAsk(): boolean {
    const nowMs = Math.floor(this.#options.clock.now());
    if (this.#askCount === 0 || nowMs - this.#periodBeganMs >= ASK_PERIOD_MS) {
      this.#periodBeganMs = nowMs;
      this.#askCount = 0;
    }
    return ++this.#askCount <= MAX_ASKS;
  }

  /** Takes the steps in order until one objects. Calls `onAnswer` with the objection, or null. */
  #askInTurn(steps: readonly Step[], onAnswer: OnObjection): void {
    const proceed = (from: number): void => {
      for (let index = from; index < steps.length; index++) {
        this.#pending = steps[index]!((objection) => {
          this.#pending = null;
          if (objection !== null) return onAnswer(objection);
          proceed(index + 1);
        });
        if (this.#pending !== null) return;
      }
      onAnswer(null);
    };
    proceed(0);
  }

  #reserve(
    service: VhostService,
    request: StreamRequest,
    onAnswer: OnObjection,
  ): ClientCheck | null {
    const reservation = service.reserve(request, (hasRoom) => {
      onAnswer(hasRoom ? null : refuseBusy(request.name));
    });
    this.#reservation = reservation;
    return reservation.isGranted ? null : { cancel: () => reservation.release() };
  }

  #askHooks(
    action: Action,
    place: HookPlace,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    if (!place.vhost.config.httpHooks.enabled) return null;
    if (this.#hooks === null) {
      const { id, ip, connect: { tcUrl, pageUrl } } = this.#client;
      this.#hooks = new ClientHooks(this.#options.hooks, { id, ip, tcUrl, pageUrl });
    }
    return this.#hooks.ask(action, place, onAnswer);
  }
}
