/**
 * What edges tell their origins in `connect`. Every upstream connection names the edges it came through, so
 * that an edge that is asked for a stream on its own behalf refuses instead of asking itself for ever.
 */

import type { AmfObject, AmfValue } from "../amf/amf_value.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";

/** Property of the `connect` object: edge ids with commas between, the nearest to the client first. */
export const EDGE_PATH_PROPERTY = "edgePath";

/** Property of the `connect` object: an edge that takes a stream over wants it from so many ms back. */
export const BACKLOG_PROPERTY = "edgeBacklogMs";

/** What a `connect` object says about the edge that sends it; see {@linkcode StreamRequest}. */
export function parseEdgeInfo(info: AmfObject): Pick<StreamRequest, "edgePath" | "backlogMs"> {
  const backlogMs = info.get(BACKLOG_PROPERTY);
  return {
    edgePath: parseEdgePath(info.get(EDGE_PATH_PROPERTY)),
    backlogMs: typeof backlogMs === "number" && backlogMs > 0 ? backlogMs : 0,
  };
}

/** Levels of edges that a stream may pass. */
const MAX_HOPS = 8;

/** Text beyond this is nobody's path. */
const MAX_PATH_LENGTH = 1024;

/** The ids in a connect object's property; empty for a client that is no edge. */
function parseEdgePath(value: AmfValue): readonly string[] {
  if (typeof value !== "string" || value === "" || value.length > MAX_PATH_LENGTH) return [];
  return value.split(",");
}

/** The property's value for a connection that edge `ownId` makes on behalf of `path`. */
export function formatEdgePath(path: readonly string[], ownId: string): string {
  return [...path, ownId].join(",");
}

/** Why a connection with this path is refused, or null. */
export function refuseLoop(path: readonly string[], ownId: string): Refusal | null {
  if (path.includes(ownId)) {
    return {
      code: StatusCode.CONNECT_REJECTED,
      description: "The edges form a loop: an origin of this edge leads back to it",
    };
  }
  if (path.length < MAX_HOPS) return null;
  return {
    code: StatusCode.CONNECT_REJECTED,
    description: `The stream came through ${path.length} edges; ${MAX_HOPS} is the limit`,
  };
}
