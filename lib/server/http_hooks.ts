import { stableId } from "../base/stable_id.ts";
import { quotePeerText } from "../base/text.ts";
import type { HookAction, VhostConfig } from "../config/config.ts";
import type { RequestingClient } from "../hub/stream_request.ts";
import { streamKey, type StreamUrl } from "../rtmp/url.ts";
import type { StreamAction } from "./access_rules.ts";

/** What happened, or will happen if the HTTP server allows it. */
export type HookEvent =
  | { readonly action: "on_connect" | "on_publish" | "on_unpublish" | "on_play" | "on_stop" }
  | {
    readonly action: "on_close";
    /** Sent to the client since it connected. */
    readonly sentBytes: number;
    /** Received from the client since it connected. */
    readonly receivedBytes: number;
  }
  | {
    readonly action: "on_dvr";
    /** Working directory of the server. */
    readonly cwd: string;
    /** Path of a recording that is complete, relative to `cwd` if `dvr_path` is. */
    readonly file: string;
  }
  | SegmentEvent
  | UpdateEvent;

/** An HLS segment is complete. */
export interface SegmentEvent {
  readonly action: "on_hls";
  readonly cwd: string;
  /** Paths of segment and playlist, as for a recording. */
  readonly file: string;
  readonly playlist: string;
  /** The same, relative to `hls_path`. */
  readonly fileUrl: string;
  readonly playlistUrl: string;
  /** Duration. */
  readonly seconds: number;
  /** Number of the segment in the playlist. */
  readonly sequence: number;
}

/** A client still plays or publishes. */
export interface UpdateEvent {
  readonly action: "on_update";
  readonly doing: StreamAction;
  /** How long the client has been connected. */
  readonly seconds: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Where is the stream to be copied? Asked of the `backend` of `forward`. */
type ForwardQuestion = { readonly action: "on_forward" };

/** The server that sends the callback. */
export interface HookServer {
  /** Id of this server. */
  readonly serverId: string;
  /** Id of this run of it. */
  readonly serviceId: string;
}

/** The client that a callback is about. */
export interface HookedClient extends RequestingClient {
  /** As its `connect` said; absent where that is not kept. */
  readonly flashVer?: string;
  readonly swfUrl?: string;
}

/** The vhost and stream that a callback is about. */
export interface HookPlace {
  /** Its settings are read for every callback: they may change while the client is connected. */
  readonly vhost: { readonly config: VhostConfig };
  /** `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
}

/** Who and what an event is about. */
export interface HookSubject {
  readonly server: HookServer;
  readonly client: HookedClient;
  /** `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
}

/** The JSON object of a callback. */
export type HookPayload = Readonly<Record<string, string | number>>;

/** The JSON object of a callback about several sessions. */
export interface HookBatch {
  readonly "server_id": string;
  readonly "service_id": string;
  readonly action: HookAction;
  readonly vhost: string;
  readonly sessions: readonly Json[];
}

type Json = Readonly<Record<string, unknown>>;

/** What an answer means. */
export type HookVerdict =
  | { readonly type: "allowed" }
  /** The HTTP server refuses the client. */
  | { readonly type: "refused"; readonly reason: string }
  /** There is no answer, or none that makes sense. */
  | {
    readonly type: "failed";
    /** What is wrong with the callback. Clients may see it: `it redirects (HTTP 302)`. */
    readonly reason: string;
    /** For the log only. */
    readonly detail?: string;
    readonly fix: string;
  };

/** The only verdict that lets a client in. */
export const ALLOWED: HookVerdict = { type: "allowed" };

/** Longest message of an HTTP server that a client gets to see, in characters. */
const MAX_MESSAGE_LENGTH = 200;

/** Where HTTP servers put their message, the usual place first. */
const MESSAGE_FIELDS = ["msg", "message", "data"] as const;

/**
 * Returns the JSON object for an event, with the fields of SRS's `http_hooks`. It contains the
 * client's parameters, which often hold tokens. Pure.
 */
export function hookPayload(
  event: HookEvent | ForwardQuestion,
  { server, client, url }: HookSubject,
): HookPayload {
  return {
    server_id: server.serverId,
    service_id: server.serviceId,
    action: event.action,
    client_id: client.id,
    ip: client.ip,
    vhost: url.vhost,
    app: url.app,
    tcUrl: client.tcUrl,
    param: url.params,
    ...ownFields(event, client, url),
  };
}

/** Reads an answer by the rules of SRS's `http_hooks`. An unclear answer does not allow. Pure. */
export function judgeAnswer(status: number, body: string): HookVerdict {
  const answer = parseJson(body);
  if (status === 401 || status === 403) return refusal(answer, `HTTP ${status}`);
  if (status >= 300 && status < 400) {
    return failure(`it redirects (HTTP ${status})`, "configure the address that it redirects to");
  }
  if (status !== 200 && status !== 201) {
    return failure(`it answered with HTTP ${status}`, "see the log of the HTTP server");
  }
  const code = fieldOf(answer, "code") ?? answer;
  if (code === 0) return ALLOWED;
  if (typeof code === "number") return refusal(answer, `code ${code}`);
  return failure("it answered with neither 0 nor a code", 'make it answer 0, or {"code": 0}');
}

/** The verdict of a callback that does not work. */
export function failure(reason: string, fix: string, detail?: string): HookVerdict {
  return { type: "failed", reason, fix, ...(detail === undefined ? {} : { detail }) };
}

/** What a client is told when it is refused, or null when it is allowed. */
export function objectionTo(action: HookAction, verdict: HookVerdict): string | null {
  switch (verdict.type) {
    case "allowed":
      return null;
    case "refused":
      return `Callback ${action} refuses: ${verdict.reason}`;
    case "failed":
      return `Callback ${action} failed: ${verdict.reason}`;
    default:
      return verdict satisfies never;
  }
}

function ownFields(
  event: HookEvent | ForwardQuestion,
  { pageUrl }: HookedClient,
  url: StreamUrl,
): HookPayload {
  switch (event.action) {
    case "on_connect":
      return { pageUrl };
    case "on_close":
      return { send_bytes: event.sentBytes, recv_bytes: event.receivedBytes };
    case "on_play":
      return { ...streamFields(url), pageUrl };
    case "on_forward":
    case "on_publish":
    case "on_unpublish":
    case "on_stop":
      return streamFields(url);
    case "on_dvr":
      return { ...streamFields(url), cwd: event.cwd, file: event.file };
    case "on_hls":
      return {
        ...streamFields(url),
        ...{ duration: event.seconds, cwd: event.cwd, file: event.file, url: event.fileUrl },
        ...{ m3u8: event.playlist, m3u8_url: event.playlistUrl, seq_no: event.sequence },
      };
    case "on_update":
      return {
        ...streamFields(url),
        ...{ type: event.doing, seconds: event.seconds },
        ...{ send_bytes: event.sentBytes, recv_bytes: event.receivedBytes },
      };
    default:
      return event satisfies never;
  }
}

function streamFields({ vhost, app, stream }: StreamUrl): HookPayload {
  const key = streamKey(vhost, app, stream);
  return { stream, stream_url: key, stream_id: stableId(key) };
}

function refusal(answer: unknown, otherwise: string): HookVerdict {
  const texts = MESSAGE_FIELDS.map((name) => fieldOf(answer, name));
  const message = texts.find((text) => typeof text === "string" && text.trim() !== "");
  const reason = typeof message === "string"
    ? quotePeerText(message.trim(), MAX_MESSAGE_LENGTH)
    : otherwise;
  return { type: "refused", reason };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

/** @returns undefined when the text is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
