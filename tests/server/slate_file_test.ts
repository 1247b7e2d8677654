import { HeaderSet } from "../../lib/hub/header_set.ts";
import { SlateFile } from "../../lib/server/slate_file.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import {
  audioFrame,
  audioHeader,
  interFrame,
  keyframe,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { flvOf, tinySlate } from "../helpers/tiny_slate.ts";

function headersOf(...messages: readonly { typeId: number; payload: Uint8Array }[]): HeaderSet {
  return messages.reduce((set, { typeId, payload }) => set.after(typeId, payload), new HeaderSet());
}

Deno.test("SlateFile begins with the first keyframe, at time 0", () => {
  const file = SlateFile.parse(flvOf(
    ...[videoHeader(100), audioHeader(100), audioFrame(100), interFrame(120)],
    ...[keyframe(500), audioFrame(510), interFrame(900), audioFrame(1_010), interFrame(1_300)],
  ));
  assertEquals(file.headers.map(({ typeId }) => typeId), [9, 8]);
  assertEquals(file.frames.map(({ typeId, timestampMs }) => [typeId, timestampMs]), [
    ...[[9, 0], [8, 10], [9, 400], [8, 510], [9, 800]],
  ]);
  // The last video frame at 800, and 400 until the next.
  assertEquals(file.durationMs, 1_200);
});

for (
  const [what, bytes, error] of [
    ["no keyframe", flvOf(videoHeader(), interFrame(0), interFrame(900)), "it has no keyframe"],
    ["no FLV", new Uint8Array(20), "Cannot read FLV file"],
    ["a part of a tag", flvOf(keyframe(0), interFrame(900)).subarray(0, 60), "only 5 are left"],
    ["a moment", flvOf(keyframe(0), interFrame(10)), "it lasts 20 ms, less than 500"],
  ] as const
) {
  Deno.test(`SlateFile refuses a file with ${what}`, () => {
    const { message } = assertThrows(() => SlateFile.parse(bytes), Error);
    assertEquals(message.includes(error), true, message);
  });
}

Deno.test("SlateFile stands only for streams of its codecs", () => {
  const file = tinySlate();
  assertEquals(file.differsFrom(headersOf(videoHeader())), null);
  assertEquals(
    file.differsFrom(headersOf(videoHeader(), audioHeader())),
    "the file has H.264 and no audio, the stream H.264 and AAC",
  );
  assertEquals(
    file.differsFrom(headersOf(audioHeader())),
    "the file has H.264 and no audio, the stream no video and AAC",
  );
});
