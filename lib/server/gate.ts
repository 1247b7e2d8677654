import type { Clock } from "../base/clock.ts";
import { quotePeerText } from "../base/text.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Refusal } from "../rtmp/status.ts";
import { clientVhost, type StreamUrl } from "../rtmp/url.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { refuseLoop } from "../upstream/edge_path.ts";
import {
  type AccessClient,
  type Action,
  checkAccess,
  refuse,
  type StreamAction,
} from "./access_rules.ts";
import { ClientHooks, type HookPlace, type HookTotals } from "./client_hooks.ts";
import type { HookClient } from "./hook_client.ts";
import { refuseBusy } from "./takeover.ts";
import type { VhostDirectory } from "./vhost_directory.ts";
import type { ClientCheck, NameReservation, VhostService } from "./vhost_service.ts";

/** Names appear in every log line about their stream. In characters, without parameters. */
const MAX_NAME_LENGTH = 1024;

/** Parameters are sent on to origins and callbacks. In characters. */
const MAX_PARAMS_LENGTH = 4096;

/**
 * Plays and publishes of one client within {@linkcode ASK_PERIOD_MS}. A viewer who changes channels
 * needs fewer; a client that walks through names must not make an edge ask its origins for each.
 */
const MAX_ASKS = 300;
const ASK_PERIOD_MS = 60_000;

/** How a client reached the server. */
export type Protocol = "rtmp" | "http-flv" | "ws-flv" | "hls";

/** A client that asks for a stream. */
interface GateRequest extends AccessClient {
  readonly action: StreamAction;
  readonly protocol: Protocol;
  /** As the client wrote it. */
  readonly url: StreamUrl;
}

/** A client that stays: it may ask more than once, and its end is reported to the callbacks. */
export interface GateClient {
  /** Its id in the log, `c12`. */
  readonly id: string;
  readonly protocol: Protocol;
  /** IP address without port. */
  readonly ip: string;
  /** Its `connect`, or for a client that has none what its `connect` would say. */
  readonly connect: ConnectRequest;
  /** See {@linkcode StreamRequest}; empty and 0 for clients that are no edges. */
  readonly edgePath: readonly string[];
  readonly backlogMs: number;
}

/** The client may not have what it asked for. */
export interface Refused {
  readonly type: "refused";
  readonly refusal: Refusal;
}

/** Where an admitted client goes. */
export interface Admission {
  readonly type: "admitted";
  readonly service: VhostService;
  /** `url.vhost` is the configured vhost's name. */
  readonly request: StreamRequest;
}

/** The answer to a play or publish. */
type Verdict = Admission | Refused;

/** The client may connect. */
interface Connected {
  readonly type: "admitted";
  /** Null when there is no such vhost. The stream may still name another one. */
  readonly service: VhostService | null;
}

/** What a {@linkcode Gate} works with. */
interface GateOptions {
  readonly vhosts: VhostDirectory;
  readonly hooks: HookClient;
  readonly clock: Pick<Clock, "now">;
  /** Id of this process among edges. */
  readonly edgeId: string;
}

/** One step that may object to a client. @returns null when it has nothing to ask. */
type Step = (onAnswer: OnObjection) => ClientCheck | null;

/** Receives why the client is refused, or null. */
type OnObjection = (objection: string | Refusal | null) => void;

/**
 * Decides who may connect, play and publish, for clients of all protocols. In this order:
 *
 * 1. limits: connections are counted when they are accepted, see `client_limits.ts`;
 * 2. edges that lead back to this one, at connect;
 * 3. the vhost and the stream's name;
 * 4. the vhost's `enabled`, `refer` and `security`, see `access_rules.ts`;
 * 5. whether the name of a publish is free, or its publisher dead, see `takeover.ts`; from here on
 *    it is reserved, see `name_reservations.ts`;
 * 6. HTTP callbacks, see `client_hooks.ts`;
 * 7. what the vhost itself checks: an edge with `token_traverse` asks an origin.
 *
 * {@linkcode check} applies 3 and 4, at once. {@linkcode accessFor} is for clients that stay
 * connected: all steps apply to them.
 */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Applies the rules that need no one else's answer. Nothing more is asked about an HTTP `HEAD`.
   * They apply to every HLS request; the other steps once per viewer, see `http/hls_sessions.ts`.
   */
  check({ action, url, ip, pageUrl }: GateRequest): Verdict {
    const refused = (description: string): Refused => refusedFor(action, description);
    const service = this.#options.vhosts.find(url.vhost);
    if (service === null) return refused(`There is no vhost ${quotePeerText(url.vhost)} here`);
    if (url.stream === "") return refused("The stream name is empty");
    const own = withVhost(url, service);
    const name = streamNameOf(own, service);
    if (name.length > MAX_NAME_LENGTH) {
      return refused(
        `The stream name has ${name.length} characters; at most ${MAX_NAME_LENGTH} are allowed`,
      );
    }
    if (url.params.length > MAX_PARAMS_LENGTH) {
      return refused(
        `The parameters have ${url.params.length} characters; ` +
          `at most ${MAX_PARAMS_LENGTH} are allowed`,
      );
    }
    const refusal = checkAccess(service.config, action, { ip, pageUrl });
    if (refusal !== null) return { type: "refused", refusal };
    const request = { url: own, name, edgePath: [], backlogMs: 0 };
    return { type: "admitted", service, request };
  }

  /** Makes the access of one client; close it when the client disconnects. */
  accessFor(client: GateClient): ClientAccess {
    return new ClientAccess(client, this, this.#options);
  }
}

/** What one client asks of the {@linkcode Gate}, and what the callbacks are told about it. */
export class ClientAccess {
  readonly client: GateClient;
  readonly #gate: Gate;
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

  constructor(client: GateClient, gate: Gate, options: GateOptions) {
    this.client = client;
    this.#gate = gate;
    this.#options = options;
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
    const loop = refuseLoop(this.client.edgePath, edgeId);
    if (loop !== null) return onVerdict({ type: "refused", refusal: loop });
    const service = vhosts.find(url.vhost);
    const steps: Step[] = [];
    if (service?.config.enabled) {
      const place = { vhost: service, url: withVhost(url, service) };
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
    const { protocol, ip, connect, edgePath, backlogMs } = this.client;
    if (!this.#mayAsk()) {
      return onVerdict(
        refusedFor(action, `More than ${MAX_ASKS} plays or publishes within a minute`),
      );
    }
    const verdict = this.#gate.check({ action, protocol, url, ip, pageUrl: connect.pageUrl });
    if (verdict.type === "refused") return onVerdict(verdict);
    const { service } = verdict;
    const request = { ...verdict.request, edgePath, backlogMs };
    const place = { vhost: service, url: request.url };
    const steps: readonly Step[] = [
      (onAnswer) => action === "publish" ? this.#reserve(service, request, onAnswer) : null,
      (onAnswer) => this.#askHooks(action, place, onAnswer),
      (onAnswer) => service.check(request, connect, onAnswer),
    ];
    this.#askInTurn(steps, (answer) => {
      // It may have been removed or replaced while the client waited.
      const isCurrent = vhosts.find(url.vhost) === service;
      const objection = answer ?? (isCurrent ? null : "The vhost has changed; try again");
      onVerdict(
        objection === null ? { type: "admitted", service, request } : refusedFor(action, objection),
      );
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
      const { id, ip, connect: { tcUrl, pageUrl } } = this.client;
      this.#hooks = new ClientHooks(this.#options.hooks, { id, ip, tcUrl, pageUrl });
    }
    return this.#hooks.ask(action, place, onAnswer);
  }
}

/**
 * Returns `app/stream`. At an edge that asks its origins for the vhost that each client named, that
 * vhost is part of what the stream is: `app/stream?vhost=…`. Otherwise the first client would
 * decide which vhost's stream the others get.
 *
 * @param url with `vhost` as configured
 */
function streamNameOf(url: StreamUrl, { config: { mode, cluster } }: VhostService): string {
  const vhost = mode === "remote" ? clientVhost(url, cluster.vhost) : null;
  return `${url.app}/${url.stream}${vhost === null ? "" : `?vhost=${vhost}`}`;
}

function withVhost(url: StreamUrl, { config }: VhostService): StreamUrl {
  return { ...url, vhost: config.name };
}

function refusedFor(action: Action, objection: string | Refusal): Refused {
  const refusal = typeof objection === "string" ? refuse(action, objection) : objection;
  return { type: "refused", refusal };
}
