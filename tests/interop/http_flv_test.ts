/** ffmpeg as a player of HTTP-FLV, at an origin and at an edge: receives every published packet. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { type LocalServer, startLocalServer } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { until } from "../helpers/until.ts";
import { createSample, parseHashes } from "./sample.ts";

const TIMEOUT_MS = 30_000;

/** The sample, which lasts 10 s, is published this many times faster than real time. */
const SPEED = 2;

/** Frames from one keyframe of the sample to the next. */
const GOP_FRAMES = 60;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("ffmpeg");

/** Starts a server with HTTP-FLV; `cluster` makes it an edge. */
function start(cluster = ""): LocalServer {
  return startLocalServer(
    `http_server { enabled on; } vhost __defaultVhost__ { http_remux { enabled on; } ${cluster} }`,
  );
}

const urlOf = (server: LocalServer) => `http://127.0.0.1:${server.httpPort}/live/show.flv`;

/** Returns hashes of the packets of one kind, in order, until the stream ends. */
async function listPackets(url: string, kind: "v" | "a"): Promise<string[]> {
  const command = [
    ...["ffmpeg", "-nostdin", "-v", "error", "-i", url, "-map", `0:${kind}`] as const,
    ...["-c", "copy", "-f", "framemd5", "-"],
  ] as const;
  await using process = startProcess({ name: "ffmpeg", command });
  await process.waitForSuccess(TIMEOUT_MS);
  assertEquals(process.stderr, []);
  return parseHashes(process.stdout);
}

Deno.test({
  name: "ffmpeg gets every packet over HTTP-FLV from an origin and from an edge",
  ignore: !isPossible,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "edge-http-flv-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const sample = await createSample(directory, 1);
    const origin = stack.use(start());
    const edge = stack.use(start(`cluster { mode remote; origin 127.0.0.1:${origin.port}; }`));
    const publisher = startProcess({
      name: "publisher",
      command: [
        ...["ffmpeg", "-nostdin", "-v", "error", "-readrate", String(SPEED)] as const,
        ...["-i", sample.file, "-c", "copy", "-f", "flv"],
        `rtmp://127.0.0.1:${origin.port}/live/show`,
      ],
    });
    stack.use(publisher);
    await until("the publisher", () => origin.log.count("Publish started") === 1, {
      timeoutMs: TIMEOUT_MS,
    });
    const servers = [origin, edge];
    const [videos, audios] = await Promise.all([
      Promise.all(servers.map((server) => listPackets(urlOf(server), "v"))),
      Promise.all(servers.map((server) => listPackets(urlOf(server), "a"))),
    ]);
    for (const packets of videos) {
      const skipped = sample.videoHashes.length - packets.length;
      assertEquals(packets, sample.videoHashes.slice(skipped));
      assertEquals(skipped % GOP_FRAMES, 0);
    }
    const audioHashes = await listPackets(sample.file, "a");
    for (const audio of audios) {
      assert(audio.length > 0);
      assertEquals(audio, audioHashes.slice(-audio.length));
    }
    assert(publisher.status === undefined || publisher.status.success, publisher.describe());
  },
});
