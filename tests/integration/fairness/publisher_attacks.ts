import { concatBytes } from "../../../lib/base/bytes.ts";
import { hex } from "../../helpers/hex.ts";
import { AMF_NULL, amfString } from "../../helpers/raw_peer.ts";
import { SET_METADATA } from "../../helpers/tiny_media.ts";
import {
  ask,
  askPlay,
  type Attacks,
  client,
  crowd,
  flood,
  pause,
  publisher,
  repeat,
  say,
} from "./attack.ts";

/** Two publishers of other streams send `block` without end. */
function publishers(block: Uint8Array, first = block): Attacks[string] {
  return ({ rtmp }) =>
    crowd(2, async (index) => flood(await publisher(rtmp, `other${index}`), first, block));
}

/** AVC keyframe without data. */
const EMPTY_KEYFRAME = hex("17 01 000000 00");

function keyframeOf(length: number): Uint8Array {
  return concatBytes([EMPTY_KEYFRAME, new Uint8Array(length)]);
}

/** An aggregate of audio messages of one byte (RTMP 1.0 §7.1.6). */
function aggregateOf(count: number): Uint8Array {
  const part = hex("08 000001 000000 00 000000 AF 0000000C");
  return say(22, repeat(part, count));
}

/** What clients may do that publish. */
export const PUBLISHER_ATTACKS: Attacks = {
  /** Fmt 3 chunks that repeat an empty audio message: one byte each. */
  "empty messages": publishers(
    new Uint8Array(262_144).fill(0xC5),
    hex("05 000000 000000 08 01000000"),
  ),
  /** SetChunkSize 1, then a message of 16,384 bytes in as many chunks. */
  "chunks of one byte": publishers(
    repeat(
      concatBytes([hex("05 000000 004000 09 00000000 17"), repeat(hex("C5 00"), 16_383)]),
      8,
    ),
    hex("02 000000 000004 01 00000000 00000001"),
  ),
  "tiny keyframes": publishers(repeat(say(9, EMPTY_KEYFRAME), 20_000)),
  "keyframes of 50 kB": publishers(repeat(say(9, keyframeOf(50_000)), 5)),
  "messages of 8 MB": publishers(say(9, keyframeOf(8_000_000))),
  "sequence headers of 200 kB": publishers(
    say(9, concatBytes([hex("17 00 000000"), new Uint8Array(200_000)])),
  ),
  "metadata without end": publishers(repeat(say(18, SET_METADATA), 5_000)),
  "aggregates": publishers(repeat(aggregateOf(2_000), 4)),
  "players that do not read": ({ rtmp }) =>
    crowd(20, async (index) => {
      if (index === 0) {
        return await flood(await publisher(rtmp, "fat"), repeat(say(9, keyframeOf(20_000)), 5));
      }
      const player = await client(rtmp);
      await player.write(askPlay("fat"));
      player.stopReading();
      await pause(60_000);
    }),
  "publish and unpublish": ({ rtmp }) =>
    crowd(2, async (index) => {
      const flip = concatBytes([
        ask("publish", 0, AMF_NULL, amfString(`flip${index}`)),
        ask("FCUnpublish", 0, AMF_NULL, amfString(`flip${index}`)),
        ask("closeStream", 0, AMF_NULL),
      ]);
      await flood(await client(rtmp), repeat(flip, 100));
    }),
  "claims of a name that is taken": ({ rtmp }) =>
    crowd(20, async () => {
      const rival = await publisher(rtmp, "honest0");
      await pause(20);
      await rival.close();
    }),
};
