import { describeFields, printable, rate, streamName } from "../../lib/http/console/format.js";
import { assertEquals } from "../helpers/assert.ts";

for (
  const [text, shown] of [
    ["live/show", "live/show"],
    ["live/kamera-süd 1 日本", "live/kamera-süd 1 日本"],
    ["live/\u202egpj.wohs", "live/\\u{202e}gpj.wohs"],
    ["live/a\u2066b\u2069", "live/a\\u{2066}b\\u{2069}"],
    ["live/a\u200bb\n\u2028", "live/a\\u{200b}b\\u{a}\\u{2028}"],
    ["live/\u{e0041}", "live/\\u{e0041}"],
  ] as const
) {
  Deno.test(`printable() shows ${JSON.stringify(shown)} with nothing that reverses text`, () => {
    assertEquals(printable(text), shown);
    assertEquals(printable(shown), shown);
  });
}

Deno.test("streamName() leaves out the default vhost, and shows what is invisible", () => {
  assertEquals(streamName("/live/show"), "live/show");
  assertEquals(streamName("edge.example/live/\u202eshow"), "edge.example/live/\\u{202e}show");
});

for (
  const [kbps, shown] of [
    [null, "–"],
    [0, "0 kbit/s"],
    [9_999.4, "9,999 kbit/s"],
    [36_450, "36.45 Mbit/s"],
    [36_454_321, "36.45 Gbit/s"],
  ] as const
) {
  Deno.test(`rate() of ${kbps} kbit/s is ${shown}`, () => assertEquals(rate(kbps), shown));
}

Deno.test("describeFields() quotes as the log does, and shows what is invisible", () => {
  assertEquals(
    describeFields({ origin: "10.0.0.1:1935", reason: "reset by peer", none: undefined, n: 0 }),
    'origin=10.0.0.1:1935 reason="reset by peer" n=0',
  );
  assertEquals(describeFields({ name: "a\u202eb", empty: "" }), 'name=a\\u{202e}b empty=""');
});
