/**
 * Real encoders, servers and players in every arrangement: each player must receive exactly the
 * published video packets, none lost, duplicated or out of order.
 */

import { assertEquals } from "../helpers/assert.ts";
import { startEdge } from "../helpers/edge_server.ts";
import { startNginxRtmp } from "../helpers/nginx_rtmp.ts";
import { needs } from "../helpers/permissions.ts";
import { findPrograms } from "../helpers/programs.ts";
import { addressOf, type RtmpServer } from "../helpers/servers.ts";
import { runFlows } from "./flows.ts";
import type { Flow } from "./flows.ts";
import { FFMPEG_PLAYER, PLAYERS } from "./players.ts";
import { FFMPEG, RTMP2SINK, RTMPSINK } from "./publishers.ts";

/** Starts servers, and stops them at the end of the test. */
interface Site {
  origin(): Promise<RtmpServer>;
  edge(name: string, upstream: RtmpServer): Promise<RtmpServer>;
  nginxOrigin(): Promise<RtmpServer>;
  nginxEdge(upstream: RtmpServer): Promise<RtmpServer>;
}

interface Scene {
  readonly name: string;
  readonly usesNginx: boolean;
  setUp(site: Site): Promise<readonly Flow[]>;
}

const SCENES: readonly Scene[] = [
  {
    name: "an origin relays every packet",
    usesNginx: false,
    async setUp(site) {
      const origin = await site.origin();
      return [
        { publisher: FFMPEG, to: origin, watched: [{ at: origin, by: PLAYERS }] },
        { publisher: RTMPSINK, to: origin, watched: [{ at: origin, by: [FFMPEG_PLAYER] }] },
        { publisher: RTMP2SINK, to: origin, watched: [{ at: origin, by: [FFMPEG_PLAYER] }] },
      ];
    },
  },
  {
    name: "an edge relays every packet from and to its origin",
    usesNginx: false,
    async setUp(site) {
      const origin = await site.origin();
      const edge = await site.edge("edge", origin);
      const both = [{ at: edge, by: [FFMPEG_PLAYER] }, { at: origin, by: [FFMPEG_PLAYER] }];
      return [
        { publisher: FFMPEG, to: origin, watched: [{ at: edge, by: PLAYERS }] },
        {
          publisher: FFMPEG,
          to: edge,
          watched: [{ at: edge, by: PLAYERS }, { at: origin, by: [FFMPEG_PLAYER] }],
        },
        { publisher: RTMPSINK, to: edge, watched: both },
        { publisher: RTMP2SINK, to: edge, watched: both },
      ];
    },
  },
  {
    name: "an edge of an edge relays every packet from and to the origin",
    usesNginx: false,
    async setUp(site) {
      const origin = await site.origin();
      const middle = await site.edge("middle", origin);
      const outer = await site.edge("outer", middle);
      return [
        { publisher: FFMPEG, to: origin, watched: [{ at: outer, by: PLAYERS }] },
        {
          publisher: FFMPEG,
          to: outer,
          watched: [outer, middle, origin].map((at) => ({ at, by: [FFMPEG_PLAYER] })),
        },
      ];
    },
  },
  {
    name: "an edge relays every packet from and to an origin of nginx",
    usesNginx: true,
    async setUp(site) {
      const origin = await site.nginxOrigin();
      const edge = await site.edge("edge", origin);
      return [
        { publisher: FFMPEG, to: origin, watched: [{ at: edge, by: PLAYERS }] },
        {
          publisher: FFMPEG,
          to: edge,
          watched: [{ at: edge, by: [FFMPEG_PLAYER] }, { at: origin, by: [FFMPEG_PLAYER] }],
        },
      ];
    },
  },
  {
    name: "an edge of nginx relays every packet of an origin",
    usesNginx: true,
    async setUp(site) {
      const origin = await site.origin();
      const edge = await site.nginxEdge(origin);
      return [{ publisher: FFMPEG, to: origin, watched: [{ at: edge, by: PLAYERS }] }];
    },
  },
];

const granted = await needs("net", "read", "write", "run", "env");
const clients = [...PLAYERS, FFMPEG, RTMPSINK, RTMP2SINK].map(({ name }) => name);
// Checked all at once, so that everything missing is reported before the first test runs.
const available = granted.ignore ? [] : await findPrograms([...clients, "nginx-rtmp"]);

for (const scene of SCENES) {
  Deno.test({
    name: scene.name,
    ignore: !available.includes("ffmpeg") || (scene.usesNginx && !available.includes("nginx-rtmp")),
    fn: (t) => runScene(t, scene),
  });
}

async function runScene(t: Deno.TestContext, scene: Scene): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "edge-interop-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const servers: RtmpServer[] = [];
  const keep = (server: RtmpServer) => {
    stack.use(server.process);
    servers.push(server);
    return server;
  };
  const flows = await scene.setUp({
    origin: async () => keep(await startEdge({ name: "origin", directory, vhosts: LOCAL })),
    edge: async (name, upstream) =>
      keep(await startEdge({ name, directory, vhosts: remote(upstream) })),
    nginxOrigin: async () => keep(await startNginxRtmp({ name: "nginx-origin", directory })),
    nginxEdge: async (upstream) => {
      const pullFrom = addressOf(upstream);
      return keep(await startNginxRtmp({ name: "nginx-edge", directory, pullFrom }));
    },
  });
  await runFlows(t, { flows, servers, directory });
  for (const { name, process } of servers) {
    await t.step(`${name} stops cleanly`, async () => {
      assertEquals((await process.stop()).code, 0, process.describe());
    });
  }
}

const LOCAL = "vhost __defaultVhost__ { }";

function remote(upstream: RtmpServer): string {
  return `vhost __defaultVhost__ { mode remote; origin ${addressOf(upstream)}; }`;
}
