import { hashText } from "../../lib/base/hash_text.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("hashText is Jenkins's one-at-a-time hash of the UTF-8 bytes", () => {
  // The first three are published; the others are of an implementation in Python.
  assertEquals(hashText(""), 0);
  assertEquals(hashText("a"), 0xca2e9442);
  assertEquals(hashText("The quick brown fox jumps over the lazy dog"), 0x519e91f5);
  assertEquals(hashText("live/Größe"), 0xca53276f);
  assertEquals(hashText("live/日本"), 0xdcebb394);
});
