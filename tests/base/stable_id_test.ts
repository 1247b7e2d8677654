import { stableId } from "../../lib/base/stable_id.ts";
import { assertEquals } from "../helpers/assert.ts";

// Published test vectors of 32-bit FNV-1a ("" 811c9dc5, "a" e40c292c, "foobar" bf9cf968), in base
// 36.
for (
  const [text, id] of [["", "vid-0ztntfp"], ["a", "vid-1r9wi7g"], [
    "foobar",
    "vid-1h5yxyg",
  ]] as const
) {
  Deno.test(`stableId() of "${text}" is ${id}`, () => assertEquals(stableId(text), id));
}
