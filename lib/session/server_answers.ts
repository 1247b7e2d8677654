import { Amf0Marker } from "../amf/amf0_marker.ts";
import { AmfObject, type AmfValue } from "../amf/amf_value.ts";
import { decodeUtf8 } from "../base/bytes.ts";
import type { UpstreamRedirect } from "../base/errors.ts";
import { quotePeerText } from "../base/text.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Status } from "../rtmp/status.ts";

/** Longest status code kept, in characters. */
const MAX_CODE_LENGTH = 64;

/** Longer addresses to connect to again are ignored, in characters. */
const MAX_TC_URL_LENGTH = 1024;

/**
 * Returns where a server asks its client to connect again (E-RTMP v2, "Reconnect Request"): its
 * `tcUrl`, or an empty string for the address in use. Null for another status.
 */
export function parseReconnectRequest({ code }: Status, info: AmfValue): string | null {
  if (code !== StatusCode.RECONNECT_REQUEST) return null;
  const tcUrl = info instanceof AmfObject ? info.get("tcUrl") : undefined;
  return typeof tcUrl === "string" && tcUrl.length <= MAX_TC_URL_LENGTH ? tcUrl : "";
}

/** Returns a status as text for errors and logs. */
export function describeStatus({ code, description }: Status): string {
  const plain = plainCode(code);
  return description === "" ? plain : `${plain}, ${quotePeerText(description)}`;
}

/**
 * Returns a status code without what no code contains, cut to 64 characters: it appears in the log
 * and the API, and is sent to publishers.
 */
export function plainCode(code: string): string {
  const plain = code.slice(0, MAX_CODE_LENGTH).replace(/[^\w.]/g, "");
  return plain === "" && code !== "" ? "unreadable" : plain;
}

/**
 * Returns the target of a redirect, or null for an ordinary refusal. `ex.redirect2` is the full URL
 * of the stream, `ex.redirect` the tcUrl (SRS, Flash Media Server).
 */
export function parseRedirect(info: AmfValue, streamName: string): UpstreamRedirect | null {
  const ex = info instanceof AmfObject ? info.get("ex") : undefined;
  if (!(ex instanceof AmfObject)) return null;
  const [fullUrl, tcUrl] = [ex.get("redirect2"), ex.get("redirect")];
  if (typeof fullUrl === "string" && fullUrl !== "") return { tcUrl: fullUrl, stream: "" };
  return typeof tcUrl === "string" && tcUrl !== "" ? { tcUrl, stream: streamName } : null;
}

/** Returns the string that a data message starts with, or an empty string. */
export function dataName(payload: Uint8Array): string {
  if (payload[0] !== Amf0Marker.string || payload.length < 3) return "";
  const length = (payload[1]! << 8) | payload[2]!;
  return decodeUtf8(payload.subarray(3, 3 + length));
}
