/** Players that take less than the whole stream. */

import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  AAC_HEADER,
  audioFrame,
  AVC_HEADER,
  interFrame,
  keyframe,
  SET_METADATA,
} from "../helpers/media.ts";
import { type Client, ServerRig } from "./rig.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;

/** A publisher of both kinds of media, with a GOP that has begun. */
async function publish(rig: ServerRig): Promise<Client> {
  const publisher = await rig.publish();
  publisher.push(DATA, 0, SET_METADATA);
  publisher.push(VIDEO, 0, AVC_HEADER);
  publisher.push(AUDIO, 0, AAC_HEADER);
  publisher.push(VIDEO, 0, keyframe(1));
  publisher.push(AUDIO, 0, audioFrame(1));
  await rig.settle();
  return publisher;
}

/** One audio and one video frame more. */
async function pushBoth(rig: ServerRig, publisher: Client, ms: number, video: Uint8Array) {
  publisher.push(VIDEO, ms, video);
  publisher.push(AUDIO, ms, audioFrame(ms));
  await rig.advance(1_000);
}

function payloads(client: Client, typeId: number): Uint8Array[] {
  return client.messages.filter((message) => message.typeId === typeId).map(({ payload }) =>
    payload
  );
}

for (const [name, typeId] of [["receiveVideo", VIDEO], ["receiveAudio", AUDIO]] as const) {
  Deno.test(`A player gets nothing of what it refused with ${name} before its play`, async () => {
    const rig = new ServerRig();
    const publisher = await publish(rig);
    const player = await rig.connect();
    player.command(name, [null, false], { msid: 1 });
    player.play();
    await rig.settle();
    const other = await rig.play();
    await pushBoth(rig, publisher, 40, interFrame(2));
    assertEquals(payloads(player, typeId), []);
    // Header and two frames.
    assertEquals(payloads(player, typeId === VIDEO ? AUDIO : VIDEO).length, 3);
    assertEquals([payloads(other, VIDEO).length, payloads(other, AUDIO).length], [3, 3]);
    await rig.stop();
  });
}

Deno.test("A player gets no video after receiveVideo false, and from the next keyframe after true", async () => {
  const rig = new ServerRig();
  const publisher = await publish(rig);
  const player = await rig.play();
  player.command("receiveVideo", [null, false], { msid: 1 });
  await rig.settle();
  await pushBoth(rig, publisher, 40, interFrame(2));
  player.command("receiveVideo", [null, true], { msid: 1 });
  await rig.settle();
  await pushBoth(rig, publisher, 80, interFrame(3));
  await pushBoth(rig, publisher, 120, keyframe(4));
  await pushBoth(rig, publisher, 160, interFrame(5));
  assertEquals(payloads(player, VIDEO), [
    ...[AVC_HEADER, keyframe(1)],
    ...[AVC_HEADER, keyframe(4), interFrame(5)],
  ]);
  // Header and five frames.
  assertEquals(payloads(player, AUDIO).length, 6);
  assertEquals(
    player.words.filter((word) => word.startsWith("Net")).slice(-2),
    ["NetStream.Seek.Notify", "NetStream.Play.Start"],
  );
  await rig.stop();
});

Deno.test("A player gets the AAC header again with audio that it wants again", async () => {
  const rig = new ServerRig();
  const publisher = await publish(rig);
  const player = await rig.connect();
  player.command("receiveAudio", [null, false], { msid: 1 });
  player.play();
  await rig.settle();
  player.command("receiveAudio", [null, true], { msid: 1 });
  await rig.settle();
  await pushBoth(rig, publisher, 40, interFrame(2));
  assertEquals(payloads(player, AUDIO), [AAC_HEADER, audioFrame(40)]);
  await rig.stop();
});

Deno.test("A player that seeks gets the answer, and the stream continues", async () => {
  const rig = new ServerRig();
  const publisher = await publish(rig);
  const player = await rig.play();
  player.command("seek", [null, 5_000], { msid: 1 });
  await rig.settle();
  await pushBoth(rig, publisher, 40, interFrame(2));
  assertEquals(player.words.includes("NetStream.Seek.Notify"), true);
  assertEquals(player.videos, [AVC_HEADER, keyframe(1), interFrame(2)]);
  await rig.stop();
});

// Enhanced RTMP v2, several tracks: by hand from "ExVideoTagHeader" and "ExAudioTagHeader".

const HEADER_0 = hex("96 00 61766331 00 0164001fffe1");
const HEADER_1 = hex("96 00 68766331 01 01");
const KEYFRAME_0 = hex("96 01 61766331 00 000000 65");
const KEYFRAME_1 = hex("96 01 68766331 01 000000 26");
const PLAIN_HEADER = hex("90 61766331 0164001fffe1");
const PLAIN_KEYFRAME = hex("91 61766331 000000 65");

Deno.test("A player that did not announce multitrack gets the default track as plain messages", async () => {
  const rig = new ServerRig();
  const early = [await rig.play(), await rig.connect({ capsEx: 2 })] as const;
  early[1].play();
  const publisher = await rig.publish();
  for (const payload of [HEADER_0, HEADER_1, KEYFRAME_0, KEYFRAME_1]) {
    publisher.push(VIDEO, 0, payload);
  }
  await rig.advance(1_000);
  const late = [
    ...[await rig.play(), await rig.connect({ fourCcList: ["*"], capsEx: 1 })],
    await rig.connect({ capsEx: 0x0E }),
  ] as const;
  late[1]!.play();
  late[2]!.play();
  await rig.advance(1_000);
  for (const plain of [early[0], late[0]!, late[1]!]) {
    assertEquals(plain.videos, [PLAIN_HEADER, PLAIN_KEYFRAME]);
  }
  for (const whole of [early[1], late[2]!]) {
    assertEquals(whole.videos, [HEADER_0, HEADER_1, KEYFRAME_0, KEYFRAME_1]);
  }
  await rig.stop();
});

Deno.test("A stream that gets tracks while it runs is reduced for players that are there", async () => {
  const rig = new ServerRig();
  const publisher = await publish(rig);
  const player = await rig.play();
  publisher.push(VIDEO, 40, KEYFRAME_0);
  publisher.push(VIDEO, 40, KEYFRAME_1);
  await rig.advance(1_000);
  assertEquals(player.videos, [AVC_HEADER, keyframe(1), PLAIN_KEYFRAME]);
  await rig.stop();
});
