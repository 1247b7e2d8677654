/** Clients beyond a limit get a status that they can read, over every protocol. */

import { type AccessRig, testAccess as test } from "../helpers/access_rig.ts";
import { assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { keyframe } from "../helpers/media.ts";
import { until } from "../helpers/until.ts";

const PORT = 1935;
const HTTP = 8080;
const VIDEO = 9;

function config(rig: AccessRig, vhost: string, root = ""): string {
  const http = `http_server { enabled on; listen ${HTTP}; dir ${rig.folder}; }`;
  return `${http} ${root} vhost a.example { http_remux { enabled on; } ${vhost} }`;
}

async function refusalsOf(server: ReturnType<AccessRig["start"]>): Promise<number> {
  return (await server.view.snapshot()).refusals.limits;
}

test("players of one stream are limited, and a place is free when one leaves", async (rig) => {
  const server = rig.start(PORT, config(rig, "play { max_players_per_stream 2; }"));
  const reason = "At most 2 players of one stream (play.max_players_per_stream)";
  const [first] = [await rig.play(PORT, "show"), await rig.get(HTTP, "/live/show.flv")];
  const third = await rig.play(PORT, "show");
  assertEquals(third.words, ["NetStream.Play.Failed"]);
  assertEquals(third.descriptions.at(-1), reason);
  const fourth = await rig.get(HTTP, "/live/show.flv");
  assertStringIncludes(fourth.text, "503");
  assertStringIncludes(fourth.text, reason);
  assertEquals((await rig.play(PORT, "other")).words, []);
  assertEquals(await refusalsOf(server), 2);
  first.closeStream();
  await rig.settle();
  assertEquals((await rig.play(PORT, "show")).words, []);
  await server.apply(rig.parse(PORT, config(rig, "play { max_players_per_stream 3; }")));
  assertEquals((await rig.play(PORT, "show")).words, []);
  assertEquals((await rig.play(PORT, "show")).words, ["NetStream.Play.Failed"]);
});

test("players from one address are limited", async (rig) => {
  rig.start(PORT, config(rig, "play { max_players_per_ip 1; }"));
  const first = await rig.play(PORT, "one");
  const second = await rig.play(PORT, "two");
  assertEquals(
    second.descriptions.at(-1),
    "At most 1 players from one address (play.max_players_per_ip)",
  );
  rig.network.clientIp = "203.0.113.9";
  assertEquals((await rig.play(PORT, "two")).words, []);
  rig.network.clientIp = "127.0.0.1";
  first.transport.close();
  await rig.settle();
  assertEquals((await rig.play(PORT, "two")).words, []);
});

test("connections from one address are limited, at connect", async (rig) => {
  const server = rig.start(PORT, config(rig, "", "max_connections_per_ip 2;"));
  const first = await rig.connect(PORT);
  const viewer = await rig.get(HTTP, "/live/show.flv");
  const third = await rig.connect(PORT);
  assertEquals(
    third.descriptions.at(-1),
    [
      "At most 2 connections from one address (max_connections_per_ip)",
    ][0],
  );
  assertStringIncludes(JSON.stringify(third.words), "NetConnection.Connect.Rejected");
  assertStringIncludes((await rig.get(HTTP, "/live/show.flv")).text, "503");
  assertEquals(await refusalsOf(server), 2);
  viewer.transport.close();
  first.transport.close();
  await rig.advance(2_000);
  const again = await rig.connect(PORT);
  again.play("show");
  await rig.settle();
  assertEquals(again.words, []);
});

test("publishers of a vhost are limited, but one that returns is no second one", async (rig) => {
  rig.start(PORT, config(rig, "publish { max_publishers 1; takeover replace; }"));
  await rig.publish(PORT, "show");
  const second = await rig.publish(PORT, "other");
  assertEquals(second.words.at(-1), "NetStream.Publish.Denied");
  assertEquals(
    second.descriptions.at(-1),
    "At most 1 publishers at a time (publish.max_publishers)",
  );
  const again = await rig.publish(PORT, "show");
  await rig.advance(2_000);
  assertStringIncludes(again.words.join(), "NetStream.Publish.Start");
});

test("streams of a vhost are limited, over HLS as well", async (rig) => {
  for (const name of ["a", "b"]) rig.write(`live/${name}.m3u8`, "#EXTM3U\n");
  rig.start(PORT, config(rig, `max_streams 1; hls { enabled on; hls_path ${rig.folder}; }`));
  const statusOf = async (path: string) => {
    const peer = await rig.get(HTTP, path);
    const text = await until("an answer", async () => {
      await rig.settle();
      return peer.text !== "" && peer.text;
    }, { timeoutMs: 5_000, everyMs: 1 });
    return /^HTTP\/1.1 (\d+)/.exec(text)![1];
  };
  assertEquals(await statusOf("/live/a.m3u8"), "200");
  assertEquals(await statusOf("/live/b.m3u8"), "403");
  const player = await rig.play(PORT, "b");
  assertEquals(player.descriptions.at(-1), "At most 1 streams at a time (max_streams)");
  assertEquals((await rig.play(PORT, "a")).words, []);
});

test("a publisher that sends too much is warned, then closed with a status", async (rig) => {
  rig.start(PORT, config(rig, "publish { max_bitrate 80; }"));
  const publisher = await rig.publish(PORT, "show");
  const push = async (seconds: number, bytes: number) => {
    for (let i = 0; i < seconds; i++) {
      const frame = new Uint8Array(bytes);
      frame.set(keyframe(1));
      publisher.push(VIDEO, i * 1000, frame);
      await rig.advance(1_000);
    }
  };
  await push(30, 9_000);
  assertEquals(rig.log.urgent, []);
  await push(9, 12_000);
  assertEquals(rig.log.urgent.length, 1);
  assertStringIncludes(rig.log.urgent[0]!.message, "Client will be closed: publisher sends");
  await push(12, 12_000);
  const [last] = publisher.descriptions.slice(-1);
  assertEquals(
    last,
    "Publish ended: publisher sends 96 kbit/s, more than the allowed 80 (publish.max_bitrate)",
  );
  assertEquals(publisher.words.at(-1), "NetStream.Publish.Failed");
});
