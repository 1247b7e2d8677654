import { ReserveGop } from "../../lib/splice/reserve_gop.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import {
  audioFrame,
  audioHeader,
  interFrame,
  keyframe,
  SET_METADATA,
  type TinyMessage,
  videoHeader,
} from "../helpers/tiny_media.ts";

function note(gop: ReserveGop, ...messages: readonly TinyMessage[]): void {
  for (const { typeId, timestampMs, payload } of messages) gop.note(typeId, timestampMs, payload);
}

/** Returns the kept messages as `type@time`, headers with an `h`. */
function kept(gop: ReserveGop): string[] {
  return gop.messages.map(({ typeId, timestampMs, payload }) =>
    `${typeId}${payload[1] === 0 ? "h" : ""}@${timestampMs}`
  );
}

Deno.test("ReserveGop keeps headers and begins with a keyframe", () => {
  const gop = new ReserveGop();
  note(gop, { typeId: 18, timestampMs: 0, payload: SET_METADATA }, videoHeader(), audioHeader());
  note(gop, audioFrame(50));
  assertEquals([gop.canBegin, kept(gop)], [true, ["18h@50", "9h@50", "8h@50", "8@50"]]);
  note(gop, interFrame(80));
  assertEquals(gop.canBegin, false);
  note(gop, keyframe(120), audioFrame(130), interFrame(160));
  assertEquals(kept(gop), ["18h@120", "9h@120", "8h@120", "9@120", "8@130", "9@160"]);
});

Deno.test("ReserveGop keeps GOPs as far back as a silence lasts, and repeated headers once", () => {
  const gop = new ReserveGop();
  for (let second = 0; second < 60; second++) {
    note(
      gop,
      videoHeader(second * 1_000),
      keyframe(second * 1_000),
      interFrame(second * 1_000 + 500),
    );
  }
  const times = kept(gop).filter((one) => !one.includes("h"));
  assertEquals(times, ["9@57000", "9@57500", "9@58000", "9@58500", "9@59000", "9@59500"]);
  assert(gop.messages.length <= 10, `${gop.messages.length} messages`);
  gop.keepNewest();
  assertEquals(kept(gop), ["9h@59000", "9@59000", "9@59500"]);
});

Deno.test("ReserveGop keeps 16 MiB at most, and waits for a keyframe after that", () => {
  const gop = new ReserveGop();
  const MIB = 1024 * 1024;
  note(gop, videoHeader(), keyframe(0, 1, MIB));
  for (let number = 1; number <= 15; number++) note(gop, interFrame(number, 2, MIB));
  assertEquals(gop.canBegin, true);
  note(gop, interFrame(16, 2, MIB), interFrame(17, 2, MIB));
  assertEquals([gop.canBegin, gop.messages.length], [false, 1]);
  note(gop, keyframe(18, 1, MIB));
  assertEquals(gop.messages.length, 2);
});

Deno.test("ReserveGop keeps some seconds of a stream without video", () => {
  const gop = new ReserveGop();
  note(gop, audioHeader());
  for (let number = 0; number < 10_000; number++) note(gop, audioFrame(number * 21));
  assert(gop.canBegin);
  assert(gop.messages.length > 200 && gop.messages.length <= 601, `${gop.messages.length}`);
  assertEquals(gop.messages.at(-1)!.timestampMs, 9_999 * 21);
});
