import type { StreamUrl } from "../rtmp/url.ts";
import type { HookFormat } from "../config/config.ts";
import {
  ALLOWED,
  failure,
  type HookEvent,
  type HookPayload,
  hookPayload,
  type HookSubject,
  type HookVerdict,
} from "./http_hooks.ts";

/** Calls of nginx-rtmp, by the callback; those of `on_update` depend on what the client does. */
const CALLS = {
  on_connect: "connect",
  on_close: "disconnect",
  on_publish: "publish",
  on_unpublish: "publish_done",
  on_play: "play",
  on_stop: "play_done",
  on_dvr: "record_done",
  on_hls: "hls",
} as const;

/** Returns the fields of a callback in a format. Pure. */
export function payloadOf(format: HookFormat, event: HookEvent, subject: HookSubject): HookPayload {
  return format === "json" ? hookPayload(event, subject) : formPayload(event, subject);
}

/**
 * Returns the fields of nginx-rtmp's notifications for an event, for a body of the type
 * `application/x-www-form-urlencoded`. As there, the parameters of a stream's URL become fields;
 * unlike there, they never replace another one. Pure.
 */
function formPayload(event: HookEvent, { client, url }: HookSubject): HookPayload {
  const fields = {
    call: event.action === "on_update" ? `update_${event.doing}` : CALLS[event.action],
    app: url.app,
    flashver: client.flashVer ?? "",
    swfurl: client.swfUrl ?? "",
    tcurl: client.tcUrl,
    pageurl: client.pageUrl,
    addr: client.ip,
    clientid: client.id,
    ...ownFields(event, url),
  };
  return { ...parametersOf(url, Object.keys(fields)), ...fields };
}

/**
 * Reads an answer by the rules of nginx-rtmp: the status decides, and the body does not matter. Its
 * redirects, which rename streams, are not followed. Pure.
 */
export function judgeStatus(status: number): HookVerdict {
  if (status >= 200 && status < 300) return ALLOWED;
  if (status >= 400 && status < 500) return { type: "refused", reason: `HTTP ${status}` };
  if (status >= 300 && status < 400) {
    const fix = "answer 2xx or 4xx; publish.keys gives streams another name than publishers use";
    return failure(`it redirects (HTTP ${status})`, fix);
  }
  return failure(`it answered with HTTP ${status}`, "see the log of the HTTP server");
}

function ownFields(event: HookEvent, { stream: name }: StreamUrl): HookPayload {
  switch (event.action) {
    case "on_connect":
      return {};
    case "on_close":
      return { bytes_in: event.receivedBytes, bytes_out: event.sentBytes };
    case "on_publish":
      return { name, type: "live" };
    case "on_unpublish":
    case "on_play":
    case "on_stop":
      return { name };
    case "on_update":
      return {
        ...{ name, time: Math.floor(event.seconds), timestamp: Math.round(event.seconds * 1000) },
        ...{ bytes_in: event.receivedBytes, bytes_out: event.sentBytes },
      };
    case "on_dvr":
      return { name, recorder: "", path: event.file };
    case "on_hls":
      return { name, path: event.file, duration: event.seconds, seq_no: event.sequence };
    default:
      return event satisfies never;
  }
}

/** The parameters of a URL, without those that would be taken for a field of ours. */
function parametersOf({ params }: StreamUrl, reserved: readonly string[]): HookPayload {
  const own = Array.from(new URLSearchParams(params.slice(1)))
    .filter(([name]) => name !== "" && !reserved.includes(name.toLowerCase()));
  return Object.fromEntries(own);
}
