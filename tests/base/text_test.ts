import { quotePeerText, redactUrl } from "../../lib/base/text.ts";
import { assertEquals } from "../helpers/assert.ts";

const QUOTED = [
  { what: "plain text", text: "live/show", quoted: '"live/show"' },
  { what: "nothing", text: "", quoted: '""' },
  { what: "letters of several scripts", text: "Größe 配信 🎥", quoted: '"Größe 配信 🎥"' },
  { what: "quotes and backslashes", text: 'a"b\\c', quoted: '"a\\"b\\\\c"' },
  { what: "a forged log line", text: "x\r\n2026 ERROR", quoted: '"x\\u{d}\\u{a}2026 ERROR"' },
  { what: "a terminal's escape sequence", text: "\x1b[2J", quoted: '"\\u{1b}[2J"' },
  { what: "8-bit control characters", text: "\x7f\x9b", quoted: '"\\u{7f}\\u{9b}"' },
  { what: "a zero byte", text: "a\0b", quoted: '"a\\u{0}b"' },
  { what: "a right-to-left override", text: "a\u202eb", quoted: '"a\\u{202e}b"' },
  { what: "line separators", text: "\u2028\u2029", quoted: '"\\u{2028}\\u{2029}"' },
  { what: "an invisible character above 16 bits", text: "\u{e0001}", quoted: '"\\u{e0001}"' },
  { what: "80 characters", text: "a".repeat(80), quoted: `"${"a".repeat(80)}"` },
  { what: "81 characters", text: "a".repeat(81), quoted: `"${"a".repeat(80)}…"` },
];

for (const { what, text, quoted } of QUOTED) {
  Deno.test(`quotePeerText() of ${what}`, () => assertEquals(quotePeerText(text), quoted));
}

const REDACTED = [
  { url: "rtmp://a/live/show", redacted: "rtmp://a/live/show" },
  { url: "rtmp://a/live/show?token=s3cret", redacted: "rtmp://a/live/show?…" },
  { url: "show?a=1?b=2#c", redacted: "show?…" },
  { url: "show#token?x", redacted: "show#…" },
  { url: "show?", redacted: "show?…" },
  { url: "", redacted: "" },
  { url: "rtmp://user:pw@a/live", redacted: "rtmp://…@a/live" },
  { url: "rtmp://user:p/w@a/live?x", redacted: "rtmp://…@a/live?…" },
  { url: "user:pw@a", redacted: "…@a" },
];

for (const { url, redacted } of REDACTED) {
  Deno.test(`redactUrl(${JSON.stringify(url)}) is ${JSON.stringify(redacted)}`, () => {
    assertEquals(redactUrl(url), redacted);
  });
}
