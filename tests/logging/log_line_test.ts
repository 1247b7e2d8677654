import { formatJsonLine, formatTextLine, type LogEvent } from "../../lib/logging/log_line.ts";
import { assertEquals, assertMatch } from "../helpers/assert.ts";

const EVENT: LogEvent = {
  timeMs: new Date(2026, 10, 22, 9, 7, 1, 23).getTime(),
  level: "info",
  layer: "hub",
  id: "live/show",
  message: "Published",
  fields: {},
};

/** The zone of this machine. */
const ZONE = zoneOf(new Date(EVENT.timeMs).getTimezoneOffset());
const TIME = `2026-11-22 09:07:01.023${ZONE}`;

/** Returns `+01:00` for -60. */
function zoneOf(offsetMin: number): string {
  const minutes = Math.abs(offsetMin);
  const parts = [Math.floor(minutes / 60), minutes % 60].map((n) => String(n).padStart(2, "0"));
  return (offsetMin > 0 ? "-" : "+") + parts.join(":");
}

const LINES: readonly { readonly name: string; readonly event: LogEvent; readonly line: string }[] =
  [
    { name: "the id", event: EVENT, line: `${TIME} INFO  [hub live/show] Published` },
    {
      name: "the layer alone",
      event: { timeMs: EVENT.timeMs, level: "debug", layer: "net", message: "Tick", fields: {} },
      line: `${TIME} DEBUG [net] Tick`,
    },
    {
      name: "fields in order, without undefined ones",
      event: { ...EVENT, level: "warning", fields: { players: 3, reason: undefined, gop: true } },
      line: `${TIME} WARN  [hub live/show] Published players=3 gop=true`,
    },
    {
      name: "ambiguous values in quotes",
      event: { ...EVENT, level: "error", fields: { a: "b c", d: "", e: 'f"g\\', h: "i=j" } },
      line: `${TIME} ERROR [hub live/show] Published a="b c" d="" e="f\\"g\\\\" h="i=j"`,
    },
    {
      name: "backslashes in messages and plain values unchanged",
      event: { ...EVENT, message: String.raw`Name "\u{a}"`, fields: { path: "a\\b" } },
      line: `${TIME} INFO  [hub live/show] Name "\\u{a}" path=a\\b`,
    },
    {
      name: "one line for any text",
      event: { ...EVENT, id: "a\r\nb", message: "x\x1b[2J\u2028", fields: { "k\n": "v\n\u202e" } },
      line: String.raw`${TIME} INFO  [hub a\u{d}\u{a}b] x\u{1b}[2J\u{2028} k\u{a}="v\u{a}\u{202e}"`,
    },
  ];

for (const { name, event, line } of LINES) {
  Deno.test(`formatTextLine() writes ${name}`, () => {
    assertEquals(formatTextLine(event, false), line);
  });
}

Deno.test("formatTextLine() colours the level only", () => {
  assertEquals(
    formatTextLine({ ...EVENT, level: "error" }, true),
    `${TIME} \x1b[31mERROR\x1b[0m [hub live/show] Published`,
  );
});

Deno.test("formatJsonLine() writes time, level, layer, id, message and the fields", () => {
  const timeMs = Date.UTC(2026, 10, 22, 9, 7, 1, 23);
  assertEquals(
    formatJsonLine({ ...EVENT, timeMs, fields: { players: 3, why: undefined, at: "a b" } }),
    '{"time":"2026-11-22T09:07:01.023Z","level":"info","layer":"hub","id":"live/show",' +
      '"message":"Published","players":3,"at":"a b"}',
  );
});

Deno.test("formatJsonLine() renames fields with the name of a part of the line", () => {
  const line = JSON.parse(formatJsonLine({ ...EVENT, fields: { level: "3.1", id: 5 } }));
  assertEquals(line.level, "info");
  assertEquals(line.level_, "3.1");
  assertEquals(line.id_, 5);
});

Deno.test("formatJsonLine() writes one printable line that decodes to the same text", () => {
  const message = "a\n\u2028\u009b\u202e\u{e0001}z";
  const line = formatJsonLine({ ...EVENT, message });
  assertMatch(line, /^[\x20-\x7e]+$/);
  assertEquals(JSON.parse(line).message, message);
});
