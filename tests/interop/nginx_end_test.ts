/**
 * An edge whose origin is nginx. It ends a stream with the event StreamEOF and no status, both when
 * its publisher stops and when it is lost. So players wait for the publisher's return, and are
 * notified if it stays away.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { type LocalServer, PROMPT, startLocalServer } from "../helpers/local_server.ts";
import { startNginxRtmp } from "../helpers/nginx_rtmp.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const FRAME_MS = 40;

/** How long players wait for a publisher. */
const GRACE_MS = 2_000;

/** How a publisher of nginx ends. */
const ENDS = [
  {
    name: "stops",
    end: (publisher: RtmpClient) => publisher.sendCommand("deleteStream", [null, 1]),
  },
  { name: "is lost", end: (publisher: RtmpClient) => publisher.close() },
] as const;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("nginx-rtmp");

for (const { name, end } of ENDS) {
  Deno.test({
    name:
      `players of an edge wait when a publisher of its nginx ${name}, and are notified when it stays away`,
    ignore: !isPossible,
    fn: async () => {
      await using stack = new AsyncDisposableStack();
      const directory = await Deno.makeTempDir({ prefix: "edge-interop-" });
      stack.defer(() => Deno.remove(directory, { recursive: true }));
      const origin = await startNginxRtmp({ name: "origin", directory });
      stack.use(origin.process);
      const edge = stack.use(startEdgeOf(origin.port));

      const first = stack.use(await RtmpClient.publish(origin.port, "show"));
      const player = stack.use(await RtmpClient.play(edge.port, "show"));
      await pushUntilSeen(first, player, 0);
      await end(first);
      await until(
        "players can no longer join",
        () => edge.log.count("Stream ended at the origin") > 0,
        { timeoutMs: 10_000 },
      );
      const late = stack.use(await RtmpClient.play(edge.port, "show"));
      assertEquals(late.received, [], "it waits");

      const second = stack.use(await RtmpClient.publish(origin.port, "show"));
      await pushUntilSeen(second, player, 1_000);
      await late.untilMedia(1);
      assert(numberOf(late.media[0]!) >= 1_000, "it received a frame of the previous publisher");
      const times = player.media.map(({ timestampMs }) => timestampMs);
      assertEquals(times, times.toSorted((left, right) => left - right));
      const begins = [STREAM_BEGIN, STREAM_BEGIN];
      assertEquals(eventsOf(player), begins, "one mark of the other source, and no end");
      assertEquals(player.isEnded, false);
      assertEquals(edge.log.count("Pull started"), 1, "the connection to nginx is kept");

      await end(second);
      await player.untilStatus("NetStream.Play.UnpublishNotify");
      assertEquals(eventsOf(player), [...begins, STREAM_EOF]);
    },
  });
}

/** `StreamBegin` and `StreamEOF` (RTMP 1.0 §7.1.7). */
const STREAM_BEGIN = 0;
const STREAM_EOF = 1;

function startEdgeOf(port: number): LocalServer {
  const cluster = `cluster { mode remote; origin 127.0.0.1:${port}; }`;
  return startLocalServer(
    `vhost __defaultVhost__ { ${PROMPT} publish { grace ${GRACE_MS}ms; } ${cluster} }`,
  );
}

function eventsOf({ received }: RtmpClient): number[] {
  return received.flatMap((item) => item.type === "event" ? [item.event] : []);
}

/** Publishes video frames, from number `from` on, until the player has received one of them. */
async function pushUntilSeen(
  publisher: RtmpClient,
  player: RtmpClient,
  from: number,
): Promise<void> {
  let number = from;
  const timer = setInterval(
    () => publisher.push(numberedFrame(number, (number++ - from) * FRAME_MS)),
    FRAME_MS,
  );
  try {
    await player.untilMedia(player.media.length + 3);
  } finally {
    clearInterval(timer);
  }
}
