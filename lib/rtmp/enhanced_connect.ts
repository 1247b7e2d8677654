/**
 * What both sides of Enhanced RTMP say of themselves in `connect` (v2, "Enhancing NetConnection
 * connect Command").
 */

import { type AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import { audioCodecs, videoCodecs } from "../media/codecs.ts";

/** Bits of `capsEx` (CapsExMask). */
const CapsEx = { reconnect: 1, multitrack: 2, modEx: 4, timestampNanoOffset: 8 } as const;

const RELAY_CAPS = CapsEx.multitrack | CapsEx.modEx | CapsEx.timestampNanoOffset;

/** Value of a FourCC in the info maps (FourCcInfoMask): it is passed on, not decoded or encoded. */
const CAN_FORWARD = 4;

/** Stands for every FourCC. */
const ANY = "*";

/** Properties of `connect` of which any shows that a client knows Enhanced RTMP. */
const PROPERTIES = ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"] as const;

/** Whether a `connect` object speaks of Enhanced RTMP. */
export function isEnhancedConnect(info: AmfObject): boolean {
  return PROPERTIES.some((name) => info.get(name) !== undefined);
}

/** Whether a `connect` object says that the client takes messages with several tracks. */
export function takesMultitrack(info: AmfObject): boolean {
  const capsEx = info.get("capsEx");
  return typeof capsEx === "number" && (capsEx & CapsEx.multitrack) !== 0;
}

/** How a client can be asked to connect again, elsewhere or here. */
export type ReconnectSupport =
  | "none"
  /** By a status: Enhanced RTMP v2, "Reconnect Request". */
  | "status"
  /** By a message that says no more: RTMP Go Away. */
  | "go away";

/** Returns what a `connect` object says about {@linkcode ReconnectSupport}. */
export function reconnectSupport(info: AmfObject): ReconnectSupport {
  const capsEx = info.get("capsEx");
  if (typeof capsEx === "number" && (capsEx & CapsEx.reconnect) !== 0) return "status";
  // ffmpeg's patch writes a boolean, the specification 1.
  const supportsGoAway = info.get("supportsGoAway");
  return supportsGoAway === true || supportsGoAway === 1 ? "go away" : "none";
}

/** What this server can do: what a relay can, and move its clients. */
export function serverCapabilities(): Readonly<Record<string, AmfValue>> {
  return { ...relayCapabilities(), capsEx: RELAY_CAPS | CapsEx.reconnect };
}

/** What a relay can do: forward every codec, every track, every modifier. */
function relayCapabilities(): Readonly<Record<string, AmfValue>> {
  return {
    videoFourCcInfoMap: amfObject({ [ANY]: CAN_FORWARD }),
    audioFourCcInfoMap: amfObject({ [ANY]: CAN_FORWARD }),
    capsEx: RELAY_CAPS,
  };
}

/**
 * What a relay asks a server for: everything, since one upstream serves all players. The list names
 * each FourCC because mediamtx does not know `*`.
 *
 * @param canMove it leaves a server that asks for it
 */
export function relayRequest(canMove: boolean): Readonly<Record<string, AmfValue>> {
  return {
    fourCcList: [ANY, ...videoCodecs.fourccs, ...audioCodecs.fourccs],
    ...relayCapabilities(),
    ...(canMove ? { capsEx: RELAY_CAPS | CapsEx.reconnect, supportsGoAway: true } : {}),
  };
}
