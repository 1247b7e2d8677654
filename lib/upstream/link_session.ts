import { type AmfObject, amfObject } from "../amf/amf_value.ts";
import { VERSION } from "../base/version.ts";
import { relayRequest } from "../rtmp/enhanced_connect.ts";
import type { UpstreamTarget } from "../rtmp/url.ts";
import type { ClientSession } from "../session/client_session.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { formatEdgeInfo } from "./edge_path.ts";
import type { UpstreamContext } from "./upstream_context.ts";
import type { LinkOptions } from "./link_options.ts";

/** Returns what the session of a link asks for, and how it describes itself. */
export function sessionOptions(
  context: UpstreamContext,
  { kind, request: { edgePath, broadcastId, isProbe }, backlogMs, wantsAnswer, client }:
    LinkOptions,
  { tcUrl, app, stream }: UpstreamTarget,
): ConstructorParameters<typeof ClientSession>[1] {
  const { edgeId, edgeName, chunkSize, handshake, settings } = context;
  const connectArgs = connectArgsOf(context, client);
  return {
    target: { kind, tcUrl, app, streamName: stream },
    chunkSize,
    handshake,
    connectProperties: () => {
      const about = { edgePath, backlogMs: backlogMs(), broadcastId, wantsAnswer, isProbe };
      return {
        ...(settings().enhancedRtmp ? relayRequest(kind !== "connect") : {}),
        ...(client === undefined ? {} : clientProperties(client)),
        ...(edgeId === null ? {} : formatEdgeInfo(about, edgeId, edgeName)),
      };
    },
    ...(connectArgs === null ? {} : { connectArgs }),
  };
}

function connectArgsOf(
  { settings, edgeId }: UpstreamContext,
  client: ConnectRequest | undefined,
): AmfObject | null {
  if (client !== undefined) return client.args;
  return settings().debugSrsUpnode && edgeId !== null ? describeEdge(edgeId) : null;
}

/** The properties of `connect` in which a client describes itself. */
function clientProperties({ pageUrl, swfUrl, flashVer }: ConnectRequest): Record<string, string> {
  return { pageUrl, swfUrl, flashVer };
}

/** The argument in which SRS's edges identify themselves (`debug_srs_upnode`). */
function describeEdge(edgeId: string): AmfObject {
  return amfObject({
    srs_sig: "edge",
    srs_server: `edge/${VERSION}`,
    srs_version: VERSION,
    srs_id: edgeId,
  });
}
