/** `onStatus` information objects (RTMP 1.0 §7.2.2): changes of a stream and refusals. */

import { AmfObject, amfObject, type AmfValue } from "../amf/amf_value.ts";
import type { Command } from "./commands.ts";

/** An information object. */
export interface Status {
  readonly level: "status" | "error";
  /** E.g. `NetStream.Play.Start`. */
  readonly code: string;
  /** Human-readable text. */
  readonly description: string;
}

/** Status code and text of a refused request. */
export interface Refusal {
  readonly code: string;
  readonly description: string;
  /**
   * What the log says instead of the description, which contains something secret; null when the
   * refusal is logged elsewhere.
   */
  readonly logged?: string | null;
  /** A mistyped name or the like: the client's own matter, of which the log does not warn. */
  readonly isMistake?: boolean;
}

/** Some players require a client id. Its value is arbitrary; SRS sends this one. */
const CLIENT_ID = "ASAICiss";

/** Returns the information object of a status, with additional fields that clients expect. */
export function statusObject(status: Status, details?: string): AmfObject {
  return amfObject({
    level: status.level,
    code: status.code,
    description: status.description,
    ...(details === undefined ? {} : { details }),
    clientid: CLIENT_ID,
  });
}

/** Returns the `onStatus` command of a status. */
export function statusCommand(status: Status, details?: string): Command {
  return { name: "onStatus", transactionId: 0, values: [null, statusObject(status, details)] };
}

/** Reads an information object. Returns null when `value` is not one. */
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
