/** `onStatus` information objects (RTMP 1.0 §7.2.2): how a stream's changes and refusals are told. */

import { AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import type { Command } from "./commands.ts";

/** An information object. */
export interface Status {
  readonly level: "status" | "error";
  /** E.g. `NetStream.Play.Start`. */
  readonly code: string;
  /** Text for people. */
  readonly description: string;
}

/** Why a request is refused: the status code and text that the peer is told. */
export interface Refusal {
  readonly code: string;
  readonly description: string;
}

/** Some players wait for a client id; its value means nothing (SRS sends this one too). */
const CLIENT_ID = "ASAICiss";

/** The information object of a status, with what clients expect beside its three fields. */
export function statusObject(status: Status, details?: string): AmfObject {
  return amfObject({
    level: status.level,
    code: status.code,
    description: status.description,
    ...(details === undefined ? {} : { details }),
    clientid: CLIENT_ID,
  });
}

/** The `onStatus` command of a status. */
export function statusCommand(status: Status, details?: string): Command {
  return { name: "onStatus", transactionId: 0, values: [null, statusObject(status, details)] };
}

/** Reads an information object, or null when `value` is none. */
export function parseStatus(value: AmfValue): Status | null {
  if (!(value instanceof AmfObject)) return null;
  const code = value.get("code");
  if (typeof code !== "string") return null;
  const description = value.get("description");
  return {
    level: value.get("level") === "error" ? "error" : "status",
    code,
    description: typeof description === "string" ? description : "",
  };
}
