/**
 * Properties of `connect` by which edges tell their origins about themselves. Every upstream
 * connection names the edges that the request came through. An edge that finds itself there
 * refuses, so a loop of edges ends instead of asking itself without end.
 */

import type { AmfObject, AmfValue } from "../amf/amf_value.ts";
import { UpstreamError } from "../base/errors.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { plainName } from "../rtmp/edge_report.ts";
import type { Refusal } from "../rtmp/status.ts";

/** Comma-separated edge ids, the nearest to the client first. */
const EDGE_PATH_PROPERTY = "edgePath";

/** {@linkcode StreamRequest.backlogMs}. */
const BACKLOG_PROPERTY = "edgeBacklogMs";

/** {@linkcode StreamRequest.broadcastId}. */
const BROADCAST_PROPERTY = "edgeBroadcast";

/** {@linkcode StreamRequest.wantsAnswer}. */
const ANSWER_PROPERTY = "edgeAnswerNow";

/** {@linkcode StreamRequest.isProbe}. */
const PROBE_PROPERTY = "edgeProbe";

/** `server_name` of the edge that sends it. */
const NAME_PROPERTY = "edgeName";

/** A longer one is ignored. */
const MAX_BROADCAST_ID_LENGTH = 64;

/** Levels of edges that a stream may pass. */
const MAX_HOPS = 8;

/** Begins the refusal of a loop. */
const LOOP = "The edges form a loop";

/** Longer texts are ignored: no path is that long. */
const MAX_PATH_LENGTH = 1024;

/** Shared: most clients are no edges. */
const NO_EDGES: readonly string[] = [];

/** What an edge tells its origin about itself. */
type EdgeInfo = Pick<
  StreamRequest,
  "edgePath" | "backlogMs" | "broadcastId" | "wantsAnswer" | "isProbe"
>;

/** Returns what a `connect` object says about the edge that sends it; empty for other clients. */
export function parseEdgeInfo(info: AmfObject): EdgeInfo & { readonly edgeName: string } {
  const backlogMs = info.get(BACKLOG_PROPERTY);
  const broadcastId = info.get(BROADCAST_PROPERTY);
  const hasBroadcast = typeof broadcastId === "string" && broadcastId !== "" &&
    broadcastId.length <= MAX_BROADCAST_ID_LENGTH;
  return {
    edgePath: parseEdgePath(info.get(EDGE_PATH_PROPERTY)),
    edgeName: plainName(info.get(NAME_PROPERTY)),
    backlogMs: typeof backlogMs === "number" && backlogMs > 0 ? backlogMs : 0,
    ...(hasBroadcast ? { broadcastId } : {}),
    ...(info.get(ANSWER_PROPERTY) === true ? { wantsAnswer: true } : {}),
    ...(info.get(PROBE_PROPERTY) === true ? { isProbe: true } : {}),
  };
}

/** Returns the `connect` properties of edge `ownId`, for a request that came by `edgePath`. */
export function formatEdgeInfo(
  { edgePath, backlogMs, broadcastId, wantsAnswer, isProbe }: EdgeInfo,
  ownId: string,
  ownName = "",
): Readonly<Record<string, AmfValue>> {
  return {
    [EDGE_PATH_PROPERTY]: [...edgePath, ownId].join(","),
    ...(ownName === "" ? {} : { [NAME_PROPERTY]: ownName }),
    ...(backlogMs > 0 ? { [BACKLOG_PROPERTY]: backlogMs } : {}),
    ...(broadcastId === undefined ? {} : { [BROADCAST_PROPERTY]: broadcastId }),
    ...(wantsAnswer === true ? { [ANSWER_PROPERTY]: true } : {}),
    ...(isProbe === true ? { [PROBE_PROPERTY]: true } : {}),
  };
}

/** Returns why edge `ownId` refuses a connection with this path, or null. */
export function refuseLoop(path: readonly string[], ownId: string): Refusal | null {
  if (path.includes(ownId)) {
    return {
      code: StatusCode.CONNECT_REJECTED,
      description: `${LOOP}: an origin of this edge leads back to it`,
    };
  }
  if (path.length < MAX_HOPS) return null;
  return {
    code: StatusCode.CONNECT_REJECTED,
    description: `The stream came through ${path.length} edges; ${MAX_HOPS} is the limit`,
  };
}

/** Whether a client is refused because its stream came through this server already. */
export function isLoopRefusal({ code, description }: Refusal): boolean {
  return code === StatusCode.CONNECT_REJECTED && description.includes(LOOP);
}

/** Whether a server refused because the stream came through it already. */
export function isRefusedLoop(error: unknown): boolean {
  return error instanceof UpstreamError &&
    isLoopRefusal({ code: error.statusCode, description: error.message });
}

function parseEdgePath(value: AmfValue): readonly string[] {
  if (typeof value !== "string" || value === "" || value.length > MAX_PATH_LENGTH) return NO_EDGES;
  return value.split(",");
}
