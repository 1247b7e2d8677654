/**
 * The demonstration's servers, encoder and players: the real ones, on free ports of this machine.
 */

import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { Ticker } from "../base/ticker.ts";
import { applyOverrides } from "../config/overrides.ts";
import { defaultConfig } from "../config/parse_config.ts";
import {
  type UpstreamContext,
  type UpstreamSettings,
  WATCH_PERIOD_MS,
} from "../upstream/upstream_context.ts";
import { Upstream, type UpstreamListener } from "../upstream/upstream.ts";
import { csidOf } from "../rtmp/encoded_messages.ts";
import { FlushQueue } from "../io/flush_queue.ts";
import type { Network } from "../io/transport.ts";
import { encodeMessage } from "../rtmp/chunk_encode.ts";
import { parseRtmpUrl, parseStreamUrl } from "../rtmp/url.ts";
import { createHandshakeOptions, startServer } from "../app/compose.ts";
import type { MediaMessage } from "./frame_check.ts";
import type { DemoNetwork } from "./run_demo.ts";

const ANY_PORT = ["127.0.0.1:0"];

/** Settings of the encoder and the players. */
const CLIENT_SETTINGS: UpstreamSettings = {
  vhost: "[vhost]",
  debugSrsUpnode: false,
  connectTimeoutMs: 3_000,
  startTimeoutMs: 5_000,
  stallTimeoutMs: 2_000,
};

/** The demonstration on `network`. */
export function createDemoNetwork(network: Network, clock: Clock): DemoNetwork {
  const config = defaultConfig();
  const context: UpstreamContext = {
    settings: () => CLIENT_SETTINGS,
    network,
    queue: new FlushQueue(clock),
    clock,
    ticker: new Ticker(clock, WATCH_PERIOD_MS),
    logger: silentLogger,
    handshake: createHandshakeOptions(clock),
    chunkSize: config.chunkSize,
    edgeId: null,
  };

  /** A client that the server accepted. */
  async function open(
    kind: "play" | "publish",
    url: string,
    onMessage: (message: MediaMessage) => void,
  ) {
    const { hostname, port, tcUrl, app, stream } = parseRtmpUrl(url);
    const accepted = Promise.withResolvers<number>();
    const listener: UpstreamListener = {
      onStarted: accepted.resolve,
      onMedia: (typeId, timestampMs, payload) => onMessage({ typeId, timestampMs, payload }),
      onUnpublished() {},
      onAcknowledgement() {},
    };
    const client = new Upstream(context, {
      kind,
      origin: { hostname, port },
      request: {
        url: parseStreamUrl({ tcUrl, app, stream }),
        name: `${app}/${stream}`,
        edgePath: [],
        backlogMs: 0,
      },
      listener,
      hasAlternative: () => true,
      backlogMs: 0,
    });
    const ended = client.run();
    ended.catch(accepted.reject);
    return { client, msid: await accepted.promise, ended: ended.catch(() => {}) };
  }

  return {
    startServer({ origins }) {
      const overrides = origins.length === 0 ? { listen: ANY_PORT } : { listen: ANY_PORT, origins };
      const server = startServer(applyOverrides(config, overrides), {
        network,
        clock,
        logger: silentLogger,
      });
      return Promise.resolve({
        port: server.addresses[0]!.port,
        stats: () => ({ viewers: server.counts.players, upstreams: server.upstreamCount }),
        stop: () => server.stop(),
      });
    },
    async publish(url) {
      const { client, msid, ended } = await open("publish", url, () => {});
      return {
        push(typeId, timestampMs, payload) {
          const header = { csid: csidOf(typeId), typeId, msid, timestampMs };
          client.writer.send(encodeMessage(header, payload, context.chunkSize));
        },
        close() {
          client.finish();
          return ended;
        },
      };
    },
    async play(url, onMessage) {
      const { client, ended } = await open("play", url, onMessage);
      return {
        close() {
          client.finish();
          return ended;
        },
      };
    },
  };
}
