import { quotePeerText } from "../base/text.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { type AccessClient, type Action, refuse, type StreamAction } from "./access_rules.ts";
import type { RefusalCause } from "./refusal_counts.ts";
import type { VhostService } from "./vhost_service.ts";

/** How a client reached the server. */
export type Protocol = "rtmp" | "http-flv" | "ws-flv" | "hls";

/** A client that asks for a stream. */
export interface GateRequest extends AccessClient {
  readonly action: StreamAction;
  readonly protocol: Protocol;
  /** As the client wrote it. */
  readonly url: StreamUrl;
  /** Token of the header `Authorization`; absent for RTMP. */
  readonly bearer?: string | undefined;
}

/** A client that stays: it may ask more than once, and its end is reported to the callbacks. */
export interface GateClient {
  /** Its id in the log, `c12`. */
  readonly id: string;
  readonly protocol: Protocol;
  /** IP address without port. */
  readonly ip: string;
  /** Token of the header `Authorization`; absent for RTMP. */
  readonly bearer?: string | undefined;
  /** Its `connect`, or for a client that has none what its `connect` would say. */
  readonly connect: ConnectRequest;
  /** See {@linkcode StreamRequest}; empty and 0 for clients that are no edges. */
  readonly edgePath: readonly string[];
  readonly backlogMs: number;
  readonly broadcastId?: string | undefined;
  readonly wantsAnswer?: boolean | undefined;
  readonly isProbe?: boolean | undefined;
  /** `server_name` of the edge that it is; empty for others. */
  readonly edgeName?: string;
}

/** The client may not have what it asked for. */
export interface Refused {
  readonly type: "refused";
  readonly refusal: Refusal;
  readonly cause: RefusalCause;
}

/** Where an admitted client goes. */
export interface Admission {
  readonly type: "admitted";
  readonly service: VhostService;
  /** `url.vhost` is the configured vhost's name. No part of it is a stream key. */
  readonly request: StreamRequest;
  /** What the client called the stream, if that contains a stream key: for its own eyes only. */
  readonly askedName?: string;
  /** The client is the process that replaces this one. */
  readonly isHandover?: true;
  /** Returns why the client may no longer publish, or null. Absent where that cannot change. */
  readonly recheck?: () => string | null;
}

/** The answer to a play or publish. */
export type Verdict = Admission | Refused;

/** Who refuses a publisher that the gate has admitted: at an edge the origin. */
export function refusedBy({ service }: Admission): RefusalCause {
  return service.config.mode === "remote" ? "origin" : "busy";
}

/** The refusal of a player whose stream is not published. */
export function refuseNotLive({ request, askedName }: Admission): Refusal {
  const describe = (name: string) => `Stream ${quotePeerText(name)} is not live`;
  const code = StatusCode.PLAY_STREAM_NOT_FOUND;
  const logged = describe(request.name);
  return askedName === undefined
    ? { code, description: logged }
    : { code, description: describe(askedName), logged };
}

/** Returns a URL with the name of the vhost that serves it. */
export function withVhost(url: StreamUrl, { config }: VhostService): StreamUrl {
  return { ...url, vhost: config.name };
}

/** The verdict for an objection of any step. */
export function refusedFor(
  action: Action,
  objection: string | Refusal,
  cause: RefusalCause,
): Refused {
  const refusal = typeof objection === "string" ? refuse(action, objection) : objection;
  if (cause !== "name") return { type: "refused", refusal, cause };
  return { type: "refused", refusal: { ...refusal, isMistake: true }, cause };
}
