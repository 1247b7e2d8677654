import type { CancelTimer, Clock } from "../base/clock.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { Admission } from "../server/admission.ts";
import type { ClientAccess } from "../server/client_access.ts";
import {
  type ClientReport,
  type ClientSource,
  describeClient,
  type SourceTotals,
} from "../server/client_report.ts";
import type { Gate } from "../server/gate.ts";
import { isSelected, type MoveCounts, type MoveSelector } from "../server/move_clients.ts";
import type { SessionSink } from "../server/session_record.ts";
import { Leases } from "./leases.ts";

/** Options of {@linkcode HlsSessions}. */
interface HlsSessionsOptions {
  readonly gate: Pick<Gate, "accessFor">;
  readonly clock: Clock;
  /** Prefix of the sessions' client ids. */
  readonly idPrefix: string;
  /** Takes a record of each session that is over; absent for none. */
  readonly sessions?: SessionSink;
  /** Tells the other workers; null when there are none. */
  readonly others: OtherWorkers | null;
}

/** The sessions of the other workers. */
interface OtherWorkers {
  /** Admit the requests of a session: {@linkcode HlsSessions.learn}. */
  share(keys: readonly string[], keepMs: number): void;
  /** Refuse a session: {@linkcode HlsSessions.learnKick}. */
  shareKick(key: string, forMs: number): void;
  /** What viewers were sent here whose sessions are there: {@linkcode HlsSessions.learnSent}. */
  shareSent(bytes: SentBytes): void;
}

/** Bytes that viewers were sent, by key of their session, or of its segments. */
type SentBytes = ReadonlyMap<string, number>;

/** A request for an HLS file. */
export interface HlsRequest {
  /** The stream, with the parameters of the request; `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
  /** False if the file's path does not tell the stream; then `url` names the file. */
  readonly isStreamKnown: boolean;
  readonly isPlaylist: boolean;
  /** Whether callbacks are asked about the viewer, or limits count it. Others are only reported. */
  readonly isAsked: boolean;
  /** IP address without port. */
  readonly ip: string;
  /** Page that embeds the player; or empty. */
  readonly pageUrl: string;
  /** Token of the header `Authorization`; undefined without one. */
  readonly bearer?: string | undefined;
  /** How long a session lasts after its last request, in ms. */
  readonly keepMs: number;
}

/** A viewer, as far as requests tell. */
interface Session {
  readonly id: string;
  readonly keys: Keys;
  readonly isAsked: boolean;
  readonly keepMs: number;
  readonly sinceMs: number;
  readonly access: ClientAccess;
  /** The objection, or null. */
  readonly verdict: Promise<string | null>;
  /** Null before it is admitted, and after it is over. */
  admission: Admission | null;
  isRefused: boolean;
  sentBytes: number;
  /** Ends the wait for the verdict. */
  readonly abandon: () => void;
}

/** Keys of a request, from what all viewers of one address share to a single session. */
interface Keys {
  readonly address: string;
  readonly viewer: string;
  readonly params: string;
  readonly session: string;
}

/** Limit for the keys of all sessions: 20,000 viewers with short URLs. */
const MAX_KEY_CHARS = 16 * 1024 * 1024;

/** For how long a refused viewer is not asked about again. */
const REFUSED_MS = 3000;

const SWEEP_MS = 1000;

const KICKED = "The viewer was closed by an operator";

const CEASED = "requests have ceased";

/** A lease is renewed in other workers when less than this part of it is left. */
const SHARE_BELOW = 0.75;

/**
 * The viewers of HLS, for callbacks, limits, records and reports. HLS has no connections that last,
 * so a session stands for a viewer: all requests from one address for one stream with the same
 * parameters and page.
 *
 * `on_play` is asked for the first playlist of a session, `on_stop` reports its end some time after
 * its last request. Segments belong to the session of their playlist: those without parameters to
 * any session of their address and stream, because players do not repeat the playlist's parameters.
 */
export class HlsSessions implements ClientSource {
  readonly #options: HlsSessionsOptions;
  /** Keys of admitted requests, here and in other workers; also sessions that were refused. */
  readonly #leases = new Leases(MAX_KEY_CHARS, (key) => this.#forget(key));
  /** By session key. */
  readonly #sessions = new Map<string, Session>();
  /** The newest session of an address and stream, and of these with parameters. */
  readonly #newest = new Map<string, Session>();
  /** Keys of sessions that an operator closed, here or in other workers. */
  readonly #kicked = new Leases(MAX_KEY_CHARS, () => {});
  #lastId = 0;
  /** Sent since the last sweep to viewers whose sessions other workers have. */
  #sentForOthers = new Map<string, number>();
  /** Sent to viewers who left. */
  #endedBytes = 0;
  #cancelSweep: CancelTimer | null = null;

  constructor(options: HlsSessionsOptions) {
    this.#options = options;
  }

  /** Viewers that were asked about here. */
  get count(): number {
    return [...this.#sessions.values()].filter(({ isAsked }) => isAsked).length;
  }

  get clientTotals(): SourceTotals {
    let sentBytes = this.#endedBytes;
    for (const session of this.#sessions.values()) sentBytes += session.sentBytes;
    return { connections: this.#lastId, receivedBytes: 0, sentBytes, skips: 0 };
  }

  clientReports(nowMs: number, ids?: ReadonlySet<string>): ClientReport[] {
    return [...this.#sessions.values()].filter(({ id }) => ids?.has(id) !== false)
      .map((session) => reportOf(session, nowMs))
      .filter((report) => report !== null);
  }

  /** The viewer is refused for as long as a session lasts without requests. */
  kick(id: string, reason: string): boolean {
    const session = this.#admitted().find((one) => one.id === id);
    if (session === undefined) return false;
    this.#end(session, reason);
    this.learnKick(session.keys.session, session.keepMs);
    this.#options.others?.shareKick(session.keys.session, session.keepMs);
    return true;
  }

  /** Refuses a session for a while: another worker's was closed by an operator. */
  learnKick(key: string, forMs: number): void {
    this.#leases.forget(key);
    this.#kicked.renew(key, this.#options.clock.now() + forMs);
    this.#scheduleSweep();
  }

  /** HTTP has no such request. */
  move(selector: MoveSelector): MoveCounts {
    const unable = this.clientReports(this.#options.clock.now()).filter(({ id, vhost, stream }) =>
      isSelected(selector, { id, vhost, stream, action: "play", wasAsked: false })
    );
    return { asked: 0, unable: unable.length };
  }

  closeClients(vhost: string, reason: string): void {
    for (const session of this.#admitted()) {
      if (session.admission!.service.config.name === vhost) this.#end(session, reason);
    }
  }

  /** Notes what a viewer was sent in answer to an admitted request. */
  sent(request: HlsRequest, bytes: number): void {
    const { session, params, viewer } = keysOf(request);
    const segments = request.url.params === "" ? viewer : params;
    const key = request.isPlaylist ? session : segments;
    if (this.#addSent(key, bytes) || this.#options.others === null) return;
    this.#sentForOthers.set(key, (this.#sentForOthers.get(key) ?? 0) + bytes);
  }

  /** Adds what another worker has sent to viewers whose sessions are here. */
  learnSent(sent: SentBytes): void {
    for (const [key, bytes] of sent) this.#addSent(key, bytes);
  }

  /** @returns whether the session is here */
  #addSent(key: string, bytes: number): boolean {
    const session = this.#sessions.get(key) ?? this.#newest.get(key);
    if (session !== undefined) session.sentBytes += bytes;
    return session !== undefined;
  }

  /** Resolves with why the client may not have the file, or null. Never rejects. */
  async objectionTo(request: HlsRequest): Promise<string | null> {
    const keys = keysOf(request);
    const isKicked = this.#kicked.leftMs(keys.session, this.#options.clock.now()) > 0;
    if (request.isPlaylist && isKicked) return KICKED;
    if (this.#admitFromMemory(request, keys)) return null;
    if (!request.isPlaylist && !request.isStreamKnown) return "Request the playlist first";
    const session = this.#sessions.get(keys.session) ?? this.#open(request, keys);
    const objection = await session.verdict;
    // Another worker may have admitted the viewer meanwhile.
    return objection === null || this.#admitFromMemory(request, keys) ? null : objection;
  }

  /** Admits requests with these keys for a while: another worker has a session for them. */
  learn(keys: readonly string[], keepMs: number): void {
    this.#renew(keys, keepMs);
  }

  /** Ends all sessions. */
  close(): void {
    this.#cancelSweep?.();
    this.#shareSent();
    for (const [key, session] of this.#sessions) {
      this.#end(session, "server stops");
      this.#forget(key);
    }
  }

  /** Admits a request that was admitted before. */
  #admitFromMemory({ isPlaylist, isStreamKnown, url, keepMs }: HlsRequest, keys: Keys): boolean {
    const nowMs = this.#options.clock.now();
    const isAdmitted = (key: string) => this.#leases.leftMs(key, nowMs) > 0;
    if (isPlaylist) {
      if (!isAdmitted(keys.session) || this.#sessions.get(keys.session)?.isRefused) return false;
      this.#admit(keys, keepMs);
      return true;
    }
    const key = isStreamKnown ? (url.params === "" ? keys.viewer : keys.params) : keys.address;
    if (!isAdmitted(key)) return false;
    this.#renew([key], keepMs);
    return true;
  }

  #admit({ address, viewer, params, session }: Keys, keepMs: number): void {
    const keys = [address, viewer, params, session];
    const leftMs = this.#leases.leftMs(session, this.#options.clock.now());
    this.#renew(keys, keepMs);
    if (leftMs < keepMs * SHARE_BELOW) this.#options.others?.share(keys, keepMs);
  }

  #renew(keys: readonly string[], keepMs: number): void {
    const endMs = this.#options.clock.now() + keepMs;
    for (const key of keys) this.#leases.renew(key, endMs);
    this.#scheduleSweep();
  }

  #scheduleSweep(): void {
    this.#cancelSweep ??= this.#options.clock.after(SWEEP_MS, () => this.#sweep());
  }

  #sweep(): void {
    const nowMs = this.#options.clock.now();
    for (const leases of [this.#leases, this.#kicked]) leases.expire(nowMs);
    this.#shareSent();
    this.#cancelSweep = null;
    if (!this.#leases.isEmpty || !this.#kicked.isEmpty) this.#scheduleSweep();
  }

  #shareSent(): void {
    if (this.#sentForOthers.size === 0) return;
    this.#options.others?.shareSent(this.#sentForOthers);
    this.#sentForOthers = new Map();
  }

  #open({ url, ip, pageUrl, bearer, keepMs, isAsked }: HlsRequest, keys: Keys): Session {
    const { gate, idPrefix, clock } = this.#options;
    const id = `${idPrefix}${++this.#lastId}`;
    const tcUrl = `rtmp://${url.vhost}/${url.app}`;
    const access = gate.accessFor({
      id,
      protocol: "hls",
      ip,
      bearer,
      connect: { id: 0, app: url.app, tcUrl, pageUrl, swfUrl: "", flashVer: "", args: null },
      edgePath: [],
      backlogMs: 0,
    });
    const { promise: verdict, resolve } = Promise.withResolvers<string | null>();
    const abandon = () => resolve("The server closed the request");
    const session: Session = {
      ...{ id, keys, isAsked, keepMs, access, verdict, abandon, sinceMs: clock.now() },
      ...{ admission: null, isRefused: false, sentBytes: 0 },
    };
    this.#sessions.set(keys.session, session);
    for (const key of [keys.viewer, keys.params]) this.#newest.set(key, session);
    access.ask("play", url, (answer) => {
      session.isRefused = answer.type === "refused";
      session.admission = answer.type === "admitted" ? answer : null;
      if (answer.type === "admitted") this.#admit(keys, keepMs);
      else this.#renew([keys.session], REFUSED_MS);
      resolve(answer.type === "admitted" ? null : answer.refusal.description);
    });
    return session;
  }

  #admitted(): Session[] {
    return [...this.#sessions.values()].filter(({ admission }) => admission !== null);
  }

  /** The session is over, but its keys are remembered. Harmless when repeated. */
  #end(session: Session, cause: string): void {
    if (session.admission !== null) this.#options.sessions?.add(recordable(session), cause);
    session.admission = null;
    session.access.close({ sentBytes: session.sentBytes, receivedBytes: 0 });
  }

  #forget(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    this.#endedBytes += session.sentBytes;
    for (const each of [session.keys.viewer, session.keys.params]) {
      if (this.#newest.get(each) === session) this.#newest.delete(each);
    }
    session.abandon();
    this.#end(session, CEASED);
  }
}

function recordable(session: Session): { report(nowMs: number): ClientReport | null } {
  return { report: (nowMs) => reportOf(session, nowMs) };
}

function reportOf(session: Session, nowMs: number): ClientReport | null {
  const { access, admission, sinceMs, sentBytes } = session;
  if (admission === null) return null;
  return {
    ...describeClient(access.client, admission),
    ...{ type: "hls-play", edge: null, isHeld: false, isReserve: false },
    ...{ ageMs: nowMs - sinceMs, receivedBytes: 0, sentBytes, skips: 0 },
  };
}

function keysOf({ url: { vhost, app, stream, params }, ip, pageUrl }: HlsRequest): Keys {
  const viewer = [vhost, ip, `${app}/${stream}`];
  return {
    address: JSON.stringify([vhost, ip]),
    viewer: JSON.stringify(viewer),
    params: JSON.stringify([...viewer, params]),
    session: JSON.stringify([...viewer, params, pageUrl]),
  };
}
