import { writeAllSync } from "../../lib/logging/log_file.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("writeAllSync() continues after short writes", () => {
  const lengths = [1, 2];
  let text = "";
  const writeSync = (bytes: Uint8Array) => {
    const count = lengths.shift() ?? bytes.length;
    text += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  };
  writeAllSync({ writeSync }, new TextEncoder().encode("abcdef"));
  assertEquals(text, "abcdef");
});
