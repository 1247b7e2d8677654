/**
 * What an HTTP server is told about a client and what its answer means: the rules of SRS's `http_hooks`.
 * Pure; `hook_client.ts` does the talking.
 */

import { stableId } from "../base/stable_id.ts";
import { quotePeerText } from "../base/text.ts";
import type { HookAction } from "../config/config.ts";
import { streamKey, type StreamUrl } from "../rtmp/url.ts";

/** What happened, or is to happen if the HTTP server allows it. */
export type HookEvent =
  | { readonly action: Exclude<HookAction, "on_close"> }
  | {
    readonly action: "on_close";
    /** To the client, since it came. */
    readonly sentBytes: number;
    /** From the client, since it came. */
    readonly receivedBytes: number;
  };

/** Which server speaks. */
export interface HookServer {
  /** This server. */
  readonly serverId: string;
  /** This run of it. */
  readonly serviceId: string;
}

/** The client it is about. */
export interface HookedClient {
  readonly id: string;
  /** IP address without port. */
  readonly ip: string;
  /** As its `connect` said. */
  readonly tcUrl: string;
  /** As its `connect` said; empty when it said none. */
  readonly pageUrl: string;
}

/** Around the event. */
export interface HookSubject {
  readonly server: HookServer;
  readonly client: HookedClient;
  /** Where the client is; `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
}

/** The JSON object that is sent. */
export type HookPayload = Readonly<Record<string, string | number>>;

/** What an answer means. */
export type HookVerdict =
  | { readonly type: "allowed" }
  /** The HTTP server does not want the client. */
  | { readonly type: "refused"; readonly reason: string }
  /** There is no answer, or none that can be understood. */
  | {
    readonly type: "failed";
    /** What is wrong with the callback, for anybody: `it redirects (HTTP 302)`. */
    readonly reason: string;
    /** What is only for the log. */
    readonly detail?: string;
    readonly fix: string;
  };

/** The one verdict that lets a client in. */
export const ALLOWED: HookVerdict = { type: "allowed" };

/** Longest message of an HTTP server that is passed on to a client, in characters. */
const MAX_MESSAGE_LENGTH = 200;

/** Where HTTP servers put their message, the usual place first. */
const MESSAGE_FIELDS = ["msg", "message", "data"] as const;

/** The object that is sent for an event, with SRS's fields. It has the client's parameters, tokens among them. */
export function hookPayload(event: HookEvent, { server, client, url }: HookSubject): HookPayload {
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

/** Reads an answer. Whatever is not clearly a yes is none. */
export function judgeAnswer(status: number, body: string): HookVerdict {
  const answer = parseJson(body);
  if (status === 401 || status === 403) return refusal(answer, `HTTP ${status}`);
  if (status >= 300 && status < 400) {
    return failure(`it redirects (HTTP ${status})`, "write the address that it redirects to");
  }
  if (status !== 200 && status !== 201) {
    return failure(`it answered with HTTP ${status}`, "look into the log of the HTTP server");
  }
  const code = fieldOf(answer, "code") ?? answer;
  if (code === 0) return ALLOWED;
  if (typeof code === "number") return refusal(answer, `code ${code}`);
  return failure("it answered with neither 0 nor a code", 'let it answer 0, or {"code": 0}');
}

/** A callback that does not do its work. */
export function failure(reason: string, fix: string, detail?: string): HookVerdict {
  return { type: "failed", reason, fix, ...(detail === undefined ? {} : { detail }) };
}

/** What a client is told. @returns null when it is let in. */
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

function ownFields(event: HookEvent, { pageUrl }: HookedClient, url: StreamUrl): HookPayload {
  switch (event.action) {
    case "on_connect":
      return { pageUrl };
    case "on_close":
      return { send_bytes: event.sentBytes, recv_bytes: event.receivedBytes };
    case "on_play":
      return { ...streamFields(url), pageUrl };
    case "on_publish":
    case "on_unpublish":
    case "on_stop":
      return streamFields(url);
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

/** Undefined when it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
