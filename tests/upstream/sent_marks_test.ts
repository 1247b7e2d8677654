import { SentMarks } from "../../lib/upstream/sent_marks.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

Deno.test("SentMarks begins where the connection began", () => {
  assertEquals(new SentMarks(5_000).offset, 5_000);
});

Deno.test("SentMarks moves to the newest mark that is acknowledged in full", () => {
  const marks = new SentMarks(5_000);
  marks.note(5_100, 4_000);
  marks.note(5_300, 4_200);
  marks.note(5_600, 4_500);
  marks.acknowledge(3_999);
  assertEquals(marks.offset, 5_000);
  marks.acknowledge(4_499);
  assertEquals(marks.offset, 5_300);
  marks.acknowledge(4_500);
  assertEquals(marks.offset, 5_600);
});

Deno.test("SentMarks.isAcknowledged is true once a mark is acknowledged in full", () => {
  const marks = new SentMarks(5_000);
  marks.note(5_100, 4_000);
  marks.acknowledge(3_999);
  assertEquals(marks.isAcknowledged, false);
  marks.acknowledge(4_000);
  assertEquals(marks.isAcknowledged, true);
});

Deno.test("SentMarks never moves back at a late acknowledgement", () => {
  const marks = new SentMarks(0);
  marks.note(100, 100);
  marks.note(200, 200);
  marks.acknowledge(200);
  marks.acknowledge(100);
  assertEquals(marks.offset, 200);
});

Deno.test("SentMarks follows acknowledgements across 2^32 bytes", () => {
  const marks = new SentMarks(0);
  const before = 2 ** 32 - 10;
  marks.note(1, before);
  marks.note(2, before + 20);
  marks.acknowledge(before);
  assertEquals(marks.offset, 1);
  marks.acknowledge(10);
  assertEquals(marks.offset, 2);
});

Deno.test("SentMarks stays small and correct when an origin acknowledges nothing for long", () => {
  const marks = new SentMarks(0);
  for (let n = 1; n <= 100_000; n++) marks.note(n * 10, n * 10);
  marks.acknowledge(500_000);
  assert(marks.offset <= 500_000, "not more than was acknowledged");
  marks.acknowledge(1_000_000);
  assertEquals(marks.offset, 1_000_000);
});
