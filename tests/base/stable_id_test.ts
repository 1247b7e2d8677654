import { stableId } from "../../lib/base/stable_id.ts";
import { assertEquals } from "../helpers/assert.ts";

// FNV-1a of 32 bits by its published test vectors ("" 811c9dc5, "a" e40c292c, "foobar" bf9cf968), base 36.
for (
  const [text, id] of [["", "vid-0ztntfp"], ["a", "vid-1r9wi7g"], [
    "foobar",
    "vid-1h5yxyg",
  ]] as const
) {
  Deno.test(`stableId() of "${text}" is ${id}`, () => assertEquals(stableId(text), id));
}
