/** A stream that only the second origin has, beside a first one that keeps players waiting. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { type LocalServer, startLocalServer } from "../helpers/local_server.ts";
import { startNginxRtmp } from "../helpers/nginx_rtmp.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";

const FRAME_MS = 40;
const STREAMS = ["one", "two", "three"];

/** 260 to 350 ms on a quiet machine; with an edge that waits for the first origin, 5 s. */
const LONGEST_MS = 2_500;

const granted = await needs("net", "read", "write", "run", "env");
const hasNginx = !granted.ignore && await hasProgram("nginx-rtmp");

Deno.test({
  name: "the first frame does not wait for nginx, which has no stream and does not say so",
  ignore: !hasNginx,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "edge-interop-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const nginx = await startNginxRtmp({ name: "first", directory });
    stack.use(nginx.process);
    await checkFirstFrames(stack, nginx.port);
  },
});

Deno.test({
  ...granted,
  name: "the first frame does not wait for an origin of this program without the stream",
  async fn() {
    await using stack = new AsyncDisposableStack();
    const first = stack.use(startLocalServer("vhost __defaultVhost__ { }"));
    await checkFirstFrames(stack, first.port);
  },
});

async function checkFirstFrames(stack: AsyncDisposableStack, firstPort: number): Promise<void> {
  const second = stack.use(startLocalServer("vhost __defaultVhost__ { }"));
  const edge = stack.use(startEdgeOf(firstPort, second.port));
  const publishers: RtmpClient[] = [];
  for (const name of STREAMS) {
    publishers.push(stack.use(await RtmpClient.publish(second.port, name)));
  }
  let number = 0;
  const timer = setInterval(() => {
    for (const publisher of publishers) publisher.push(numberedFrame(number, number * FRAME_MS));
    number++;
  }, FRAME_MS);
  stack.defer(() => clearInterval(timer));
  const tookMs: number[] = [];
  for (const name of STREAMS) {
    const player = stack.use(await RtmpClient.connect(edge.port));
    const beganMs = performance.now();
    await player.play(name);
    await player.untilMedia(1);
    tookMs.push(Math.round(performance.now() - beganMs));
    assertEquals(player.statuses.includes("NetStream.Play.StreamNotFound"), false);
  }
  say(`  first frame after ${tookMs.join(", ")} ms`);
  assert(Math.max(...tookMs) < LONGEST_MS, `first frames after ${tookMs} ms`);
}

function startEdgeOf(...ports: readonly number[]): LocalServer {
  const origins = ports.map((port) => `127.0.0.1:${port}`).join(" ");
  return startLocalServer(
    `vhost __defaultVhost__ { min_latency on; cluster { mode remote; origin ${origins}; } }`,
  );
}
