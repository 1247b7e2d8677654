import { ConfigError } from "../../lib/base/errors.ts";
import { StreamKeys } from "../../lib/server/stream_keys.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";

const KEY = "k-0123456789abcdef";

Deno.test("StreamKeys reads keys, names, apps, ends and comments", () => {
  const text = `# all\r\n\r\n${KEY} show\n day-day-1 a/b/c 2027-01-31 # end\n` +
    "moment-1\ttwo 2027-01-31T18:00:00+01:00";
  const keys = StreamKeys.parse(text, "keys");
  assertEquals(keys.count, 3);
  assertEquals(keys.find(KEY), { app: "", name: "show", notAfterMs: Infinity });
  const day = Date.UTC(2027, 0, 31, 23, 59, 59, 999);
  assertEquals(keys.find("day-day-1"), { app: "a/b", name: "c", notAfterMs: day });
  const moment = Date.UTC(2027, 0, 31, 17);
  assertEquals(keys.find("moment-1"), { app: "", name: "two", notAfterMs: moment });
  assertEquals(keys.find("show"), null);
  assertEquals(keys.find(""), null);
});

const MISTAKES: readonly (readonly [text: string, problem: string])[] = [
  ["short1 a", "The key has fewer than 8 characters"],
  ["0123456789", "The key has no name"],
  ["0123456789 a?b", "The name of the key is not valid"],
  ["0123456789 ***", "The name of the key is not valid"],
  ["01234/56789 a", "The key has other characters"],
  ["0123456789 a 2027-01-31 x", "There are more than three words"],
  ["0123456789 a tomorrow", "The third word is no time"],
  ["0123456789 a 2027-13-01", "The third word is no time"],
  ["0123456789 0123456789", "The key is the name of a stream"],
];

for (const [text, problem] of MISTAKES) {
  Deno.test(`StreamKeys refuses ${JSON.stringify(text)} without showing the key`, () => {
    const error = assertThrows(() => StreamKeys.parse(`\n${text}`, "keys"), ConfigError);
    const [{ what, fix, line }] = error.problems as [ConfigError["problems"][number]];
    assertEquals([what, line], [problem, 2]);
    assertEquals(`${what}${fix}`.includes(text.split(" ")[0]!), false);
  });
}

Deno.test("StreamKeys refuses a key that is there twice", () => {
  const error = assertThrows(
    () => StreamKeys.parse(`${KEY} a\n\n${KEY} b\n`, "keys"),
    ConfigError,
  );
  assertEquals(error.message, "keys:3:1: The key is that of line 1: give each line its own key");
});

Deno.test("StreamKeys hides keys wherever they stand in a URL", () => {
  const keys = StreamKeys.parse(`${KEY} show`, "keys");
  assertEquals(
    keys.hide(`rtmp://h/live/${KEY}?a=${KEY}&b=x${KEY}`),
    [
      `rtmp://h/live/***?a=***&b=x${KEY}`,
    ].join(""),
  );
  assertEquals(keys.hide(`/live/${KEY}.flv`), "/live/***.flv");
  assertEquals(keys.withoutKeys(`live/${KEY}`), "live");
});
