import { CastWriter } from "../../lib/demo/cast.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("CastWriter writes an asciinema recording, version 2", () => {
  let nowMs = 1_700_000_000_250;
  let written = "";
  const cast = new CastWriter(() => nowMs, (line) => written += line);
  nowMs += 1_500;
  cast.show("4 s\n\x1b[1A");
  assertEquals(
    written,
    '{"version":2,"width":64,"height":20,"timestamp":1700000000}\n' +
      '[1.5,"o","4 s\\r\\n\\u001b[1A"]\n',
  );
});
