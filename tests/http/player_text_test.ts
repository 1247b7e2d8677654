import { parseWanted } from "../../lib/http/player/text.js";
import { assertEquals } from "../helpers/assert.ts";

for (
  const [text, wanted] of [
    ["live/show", ["live", "show", ""]],
    [" /live/room/show ", ["live/room", "show", ""]],
    ["live/show?token=a/b?c", ["live", "show", "token=a/b?c"]],
    ["live/100%", ["live", "100%", ""]],
    ["play/show.flv", ["play", "show.flv", ""]],
    ["rtmp://tv.example:1935/live/show?vhost=x", ["live", "show", "vhost=x"]],
    ["https://tv.example/play/live/%C3%BCber?sig=x", ["live", "über", "sig=x"]],
    ["http://tv.example/live/show.flv", ["live", "show", ""]],
    ["http://tv.example/live/%zz.m3u8", ["live", "%zz", ""]],
    ["show", null],
    ["http://tv.example/", null],
    ["", null],
  ] as const
) {
  Deno.test(`parseWanted() of "${text}" is ${wanted?.join(" ")}`, () => {
    const found = parseWanted(text);
    assertEquals(found && [found.app, found.stream, found.params], wanted && [...wanted]);
  });
}
