import type { Clock } from "../base/clock.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Refusal } from "../rtmp/status.ts";
import { parseStreamUrl, type StreamUrl } from "../rtmp/url.ts";
import { refuseLoop } from "../upstream/edge_path.ts";
import type { Action, StreamAction } from "./access_rules.ts";
import type { AdmissionLimits, Place } from "./admission_limits.ts";
import { ClientHooks, type HookTotals } from "./client_hooks.ts";
import type { HookPlace } from "./http_hooks.ts";
import {
  type Admission,
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
import type { Bans } from "./bans.ts";
import type { RefusalCause, RefusalCounts } from "./refusal_counts.ts";
import type { SessionUpdates } from "./session_updates.ts";
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
  readonly limits: AdmissionLimits;
  readonly refusals: RefusalCounts;
  /** What an operator has banned; nothing when absent. */
  readonly bans?: Bans;
  readonly hooks: HookClient;
  /** Reports live sessions; nothing when absent. */
  readonly updates?: SessionUpdates;
  readonly clock: Pick<Clock, "now">;
  /** Id of this process among edges. */
  readonly edgeId: string;
  /** Lets in the process that replaces this one; without it, none does. */
  readonly handover?: HandoverTrust;
}

/** The rules that need no one else's answer. */
interface Rules {
  check(request: GateRequest): Verdict | Promise<Verdict>;
}

/** The client may connect. */
interface Connected {
  readonly type: "admitted";
  /** Null when there is no such vhost. The stream may still name another one. */
  readonly service: VhostService | null;
}

/** One step that may object to a client. */
interface Step {
  readonly cause: RefusalCause;
  /** @returns null when it has nothing to ask, or has answered at once. */
  readonly ask: (onAnswer: OnObjection) => ClientCheck | null;
}

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
  /** Whether it counts among the connections of its address. */
  #isCounted = false;
  /** Its place in the stream; null when it has none. */
  #place: Place | null = null;
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
    const { edgePath } = this.#asked;
    const service = vhosts.find(url.vhost);
    if (service !== null) this.#hideKeys(service);
    const steps: Step[] = [
      { cause: "limits", ask: (onAnswer) => this.#enterAddress(onAnswer) },
      { cause: "origin", ask: (onAnswer) => answerAt(onAnswer, refuseLoop(edgePath, edgeId)) },
    ];
    if (service?.config.enabled) {
      const { credentials } = this.#options;
      const place = { vhost: service, url: credentials.hideUrl(withVhost(url, service)) };
      steps.push({
        cause: "callback",
        ask: (onAnswer) => this.#askHooks("connect", place, onAnswer),
      });
    }
    this.#askInTurn("connect", steps, (refused) => {
      onVerdict(refused ?? { type: "admitted", service });
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
    const { protocol, ip, connect: { pageUrl }, bearer } = this.#asked;
    if (!this.#mayAsk()) {
      const objection = `More than ${MAX_ASKS} plays or publishes within a minute`;
      return onVerdict(this.#refuse(action, objection, "limits"));
    }
    const answer = this.#rules.check({ action, protocol, url, ip, pageUrl, bearer });
    if (!(answer instanceof Promise)) return this.#proceed(action, url, answer, onVerdict);
    let isCancelled = false;
    this.#pending = { cancel: () => isCancelled = true };
    void answer.then((verdict) => {
      if (isCancelled) return;
      this.#pending = null;
      this.#proceed(action, url, verdict, onVerdict);
    });
  }

  /** Takes the steps that follow {@linkcode Rules}. */
  #proceed(
    action: StreamAction,
    url: StreamUrl,
    verdict: Verdict,
    onVerdict: (verdict: Verdict) => void,
  ): void {
    if (verdict.type === "refused") return onVerdict(verdict);
    this.#hideKeys(verdict.service);
    const steps = verdict.isHandover === true ? [] : this.#stepsFor(action, verdict);
    this.#askInTurn(action, steps, (refused) => {
      // It may have been removed or replaced while the client waited.
      const isCurrent = this.#options.vhosts.find(url.vhost) === verdict.service;
      const answer = refused ??
        (isCurrent ? null : this.#refuse(action, "The vhost has changed; try again", "name"));
      if (answer !== null) this.#leave();
      onVerdict(answer ?? { ...verdict, request: this.#requestOf(action, verdict) });
      this.#release();
    });
  }

  /** The client left its stream, or no longer waits for the verdict. Harmless when repeated. */
  leaveStream(): void {
    this.#pending?.cancel();
    this.#pending = null;
    this.#release();
    this.#leave();
    this.#hooks?.leaveStream();
  }

  /** The client has disconnected. Called once. */
  close(totals: HookTotals): void {
    this.leaveStream();
    if (this.#isCounted) this.#options.limits.disconnect(this.#asked.ip);
    this.#isCounted = false;
    this.#hooks?.close(totals);
  }

  #requestOf(action: StreamAction, { request }: Admission): StreamRequest {
    const { edgePath, backlogMs, broadcastId, wantsAnswer, isProbe } = this.#asked;
    const whole = { ...request, edgePath, backlogMs, broadcastId, wantsAnswer, isProbe };
    if (action === "play") return whole;
    const { id, ip, connect: { tcUrl, pageUrl } } = this.#client;
    return { ...whole, client: { id, ip, tcUrl, pageUrl } };
  }

  /** The steps that follow {@linkcode Rules}. */
  #stepsFor(action: StreamAction, admission: Admission): readonly Step[] {
    const { service } = admission;
    const request = this.#requestOf(action, admission);
    const { ip, protocol } = this.#asked;
    const entrant = { action, config: service.config, name: request.name, ip };
    const place = { vhost: service, url: request.url };
    const isStream = protocol === "http-flv" || protocol === "ws-flv";
    return [
      { cause: "limits", ask: (onAnswer) => isStream ? this.#enterAddress(onAnswer) : null },
      { cause: "limits", ask: (onAnswer) => this.#enter(entrant, onAnswer) },
      {
        cause: "busy",
        ask: (onAnswer) => action === "publish" ? this.#reserve(service, request, onAnswer) : null,
      },
      { cause: "callback", ask: (onAnswer) => this.#askHooks(action, place, onAnswer) },
      {
        cause: "origin",
        ask: (onAnswer) => service.check(request, this.#client.connect, onAnswer),
      },
    ];
  }

  #enterAddress(onAnswer: OnObjection): null {
    if (this.#isCounted) return null;
    const answer = this.#options.limits.connect(this.#asked.ip);
    if (typeof answer === "string") return answerAt(onAnswer, answer);
    this.#isCounted = answer;
    return null;
  }

  #enter(entrant: Parameters<AdmissionLimits["enter"]>[0], onAnswer: OnObjection): null {
    const place = this.#options.limits.enter(entrant);
    if (typeof place === "string") return answerAt(onAnswer, place);
    this.#place = place;
    return null;
  }

  #leave(): void {
    if (this.#place !== null) this.#options.limits.leave(this.#place);
    this.#place = null;
  }

  #refuse(action: Action, objection: string | Refusal, cause: RefusalCause): Refused {
    this.#options.refusals[cause]++;
    return refusedFor(action, objection, cause);
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

  /** Takes the steps in order until one objects. Calls `onAnswer` with the refusal, or null. */
  #askInTurn(
    action: Action,
    steps: readonly Step[],
    onAnswer: (refused: Refused | null) => void,
  ): void {
    let isOver = false;
    const proceed = (from: number): void => {
      for (let index = from; index < steps.length && !isOver; index++) {
        const { cause, ask } = steps[index]!;
        this.#pending = ask((objection) => {
          this.#pending = null;
          if (objection === null) return proceed(index + 1);
          isOver = true;
          onAnswer(this.#refuse(action, objection, cause));
        });
        if (this.#pending !== null) return;
      }
      if (isOver) return;
      isOver = true;
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
      const { hooks, updates = null } = this.#options;
      const { id, ip, connect: { tcUrl, pageUrl, flashVer, swfUrl } } = this.#client;
      const client = { id, ip, tcUrl, pageUrl, flashVer, swfUrl };
      this.#hooks = new ClientHooks(hooks, client, updates);
    }
    return this.#hooks.ask(action, place, onAnswer);
  }
}

/** Answers at once, if there is an objection. */
function answerAt(onAnswer: OnObjection, objection: string | Refusal | null): null {
  if (objection !== null) onAnswer(objection);
  return null;
}
