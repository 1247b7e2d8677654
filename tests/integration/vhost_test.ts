/** What a vhost's settings do for its clients: names, rules, the GOP cache. */

import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { LeapingClock } from "../helpers/leaping_clock.ts";
import { PROMPT, startLocalServer, startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { type MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";

const TWO_VHOSTS = `vhost a.example { ${PROMPT} } vhost b.example { ${PROMPT} }`;

/**
 * Ways for a client to name the vhost `a.example`: the address to connect to and the stream to ask
 * for.
 */
const SPELLINGS = [
  { tcUrl: "rtmp://a.example/live", stream: "show" },
  { tcUrl: "rtmp://a.example:1935/live", stream: "show" },
  { tcUrl: "rtmp://127.0.0.1/live?vhost=a.example", stream: "show" },
  { tcUrl: "rtmp://127.0.0.1/live...vhost...a.example", stream: "show" },
  { tcUrl: "rtmp://127.0.0.1/live", stream: "show?vhost=a.example" },
  { tcUrl: "rtmp://127.0.0.1/live", stream: "show?token=x&domain=a.example" },
  { tcUrl: "rtmp://b.example/live", stream: "show?vhost=a.example" },
] as const;

for (const { tcUrl, stream } of SPELLINGS) {
  netTest(`${tcUrl} with ${stream} is in the vhost a.example`, async () => {
    await using server = startLocalServer(TWO_VHOSTS);
    const inA = { tcUrl: "rtmp://a.example/live" };
    const inB = { tcUrl: "rtmp://b.example/live" };
    await using a = await RtmpClient.publish(server.port, "show", inA);
    await using b = await RtmpClient.publish(server.port, "show", inB);
    await using player = await RtmpClient.play(server.port, stream, { tcUrl });
    b.push(numberedFrame(2));
    a.push(numberedFrame(1));
    await player.untilMedia(1);
    await b.barrier();
    await player.barrier();
    assertEquals(player.media.map(numberOf), [1]);
  });
}

netTest("streams of the same name in two apps are two streams", async () => {
  await using server = startOrigin();
  await using live = await RtmpClient.publish(server.port, "show", { app: "live" });
  await using other = await RtmpClient.publish(server.port, "show", { app: "other" });
  await using player = await RtmpClient.play(server.port, "show", { app: "other" });
  live.push(numberedFrame(1));
  other.push(numberedFrame(2));
  await player.untilMedia(1);
  assertEquals(player.media.map(numberOf), [2]);
});

netTest("a client of any vhost is served by the default vhost", async () => {
  await using server = startOrigin();
  const elsewhere = { tcUrl: "rtmp://anything.example/live" };
  await using publisher = await RtmpClient.publish(server.port, "show", elsewhere);
  await using player = await RtmpClient.play(server.port, "show");
  publisher.push(numberedFrame(1));
  await player.untilMedia(1);
});

netTest("a client of an unknown vhost is refused and closed", async () => {
  const clock = new LeapingClock();
  await using server = startLocalServer(TWO_VHOSTS, clock);
  const elsewhere = { tcUrl: "rtmp://c.example/live" };
  await assertRejects(
    () => RtmpClient.publish(server.port, "show", elsewhere),
    Error,
    'NetStream.Publish.Denied: There is no vhost "c.example" here',
  );
  await using player = await RtmpClient.play(server.port, "show", elsewhere);
  await assertRejects(
    () => player.untilStatus("NetStream.Play.Start"),
    Error,
    'NetStream.Play.Failed: There is no vhost "c.example" here',
  );
  clock.leap(2_000);
  await player.untilEnded();
  await server.untilCounts({ connections: 0 });
});

netTest("a disabled vhost refuses its clients", async () => {
  await using server = startOrigin("enabled off;");
  await assertRejects(
    () => RtmpClient.publish(server.port, "show"),
    Error,
    "NetStream.Publish.Denied: Vhost __defaultVhost__ is disabled",
  );
});

/** Rules of a `security` block, and whether a publisher and a player on 127.0.0.1 are admitted. */
const SECURITY = [
  { rules: "deny publish all;", publish: false, play: true },
  { rules: "deny play 127.0.0.0/8;", publish: true, play: false },
  { rules: "allow play all; deny publish 127.0.0.1;", publish: false, play: true },
  { rules: "allow publish 10.0.0.0/8; allow play 127.0.0.1;", publish: false, play: true },
  { rules: "allow publish all; allow play all; deny play 127.0.0.1;", publish: true, play: false },
  { rules: "deny publish 10.0.0.0/8;", publish: true, play: true },
] as const;

for (const { rules, publish, play } of SECURITY) {
  netTest(
    `security { ${rules} } admits the publisher: ${publish}, the player: ${play}`,
    async () => {
      await using server = startOrigin(`security { enabled on; ${rules} }`);
      await using publisher = await RtmpClient.connect(server.port);
      await publisher.publish("show");
      const publishing = publisher.untilStatus("NetStream.Publish.Start");
      if (publish) {
        await publishing;
      } else {
        const refusal = "NetStream.Publish.Denied: Address 127.0.0.1 may not publish here";
        await assertRejects(() => publishing, Error, refusal);
      }
      await using player = await RtmpClient.play(server.port, "show");
      if (!play) {
        const refusal = "NetStream.Play.Failed: Address 127.0.0.1 may not play here";
        await assertRejects(() => player.untilStatus("NetStream.Play.Start"), Error, refusal);
      }
      assertEquals(server.counts.publishers, publish ? 1 : 0);
      assertEquals(server.counts.players, play ? 1 : 0);
    },
  );
}

/** Two GOPs: 0 and 3 are keyframes. */
const OLD_FRAMES = [0, 1, 2, 3, 4, 5];
/** Frames after the player has joined: 8 is the next keyframe. */
const NEW_FRAMES = [6, 7, 8, 9];
const KEYFRAMES = [0, 3, 8];

const GOP_CACHE = [
  { config: "gop_cache on;", expected: [3, 4, 5, 6, 7, 8, 9] },
  { config: "gop_cache off;", expected: [8, 9] },
  { config: "gop_cache_max_frames 2;", expected: [8, 9] },
  { config: "gop_cache_max_frames 3;", expected: [3, 4, 5, 6, 7, 8, 9] },
] as const;

for (const { config, expected } of GOP_CACHE) {
  netTest(`with ${config} a late player starts at frame ${expected[0]}`, async () => {
    await using server = startOrigin(`play { ${config} }`);
    await using publisher = await RtmpClient.publish(server.port, "show");
    for (const number of OLD_FRAMES) publisher.push(frame(number));
    await publisher.barrier();
    await using player = await RtmpClient.play(server.port, "show");
    await player.untilStatus("NetStream.Play.Start");
    for (const number of NEW_FRAMES) publisher.push(frame(number));
    await player.untilMedia(expected.length);
    assertEquals(player.media.map(numberOf), [...expected]);
  });
}

netTest("with gop_cache off a waiting player gets the first frame", async () => {
  await using server = startOrigin("play { gop_cache off; }");
  await using player = await RtmpClient.play(server.port, "show");
  await using publisher = await RtmpClient.publish(server.port, "show");
  for (const number of OLD_FRAMES) publisher.push(frame(number));
  await player.untilMedia(OLD_FRAMES.length);
  assertEquals(player.media.map(numberOf), OLD_FRAMES);
});

/** Frame type 1 is a keyframe, 2 an inter frame; codec 7 is AVC (FLV 10.1 E.4.3.1). */
function frame(number: number): MediaMessage {
  const message = numberedFrame(number);
  message.payload[0] = KEYFRAMES.includes(number) ? 0x17 : 0x27;
  return message;
}
