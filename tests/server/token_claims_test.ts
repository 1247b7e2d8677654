import { objectionToClaims } from "../../lib/server/token_claims.ts";
import { assertEquals } from "../helpers/assert.ts";

const STREAM = {
  action: "play",
  vhosts: ["__defaultVhost__", "a.example"],
  app: "live",
  stream: "show_720p",
} as const;

const OTHER = "The token is for another stream";
const NO = "The token does not permit to play";

const CASES: readonly (readonly [claims: Record<string, unknown>, objection: string | null])[] = [
  [{ action: "play", stream: "show_720p" }, null],
  [{ action: ["publish", "play"], stream: "*" }, null],
  [{ action: "play", stream: "show*" }, null],
  [{ action: "play", stream: "*720p" }, null],
  [{ action: "play", stream: "s*w_*p" }, null],
  [{ action: "play", stream: "s**p" }, null],
  [{ action: "play", stream: "show_720p*show_720p" }, OTHER],
  [{ action: "play", stream: "s*xx*p" }, OTHER],
  [{ action: "play", stream: "s*720p*0p" }, OTHER],
  [{ action: "play", stream: "show" }, OTHER],
  [{ action: "play", stream: "" }, OTHER],
  [{ action: "play", stream: ["show_720p"] }, OTHER],
  [{ action: "play" }, OTHER],
  [{ action: "publish", stream: "*" }, NO],
  [{ stream: "*" }, NO],
  [{ action: "playful", stream: "*" }, NO],
  [{ action: "play", stream: "*", app: "live" }, null],
  [{ action: "play", stream: "*", app: "vod" }, OTHER],
  [{ action: "play", stream: "*", vhost: "a.example" }, null],
  [{ action: "play", stream: "*", vhost: "*.example" }, null],
  [{ action: "play", stream: "*", vhost: "b.example" }, OTHER],
  [{ action: "play", stream: "*", vhost: null }, OTHER],
];

for (const [claims, objection] of CASES) {
  Deno.test(`objectionToClaims() ${objection ? "objects to" : "takes"} ${JSON.stringify(claims)}`, () => {
    assertEquals(objectionToClaims(claims, STREAM), objection);
  });
}
