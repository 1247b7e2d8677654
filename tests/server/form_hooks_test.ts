// deno-lint-ignore-file camelcase -- the names are those of the fields
/** What HTTP servers written for nginx-rtmp get, and what they may answer. */

import { judgeStatus, payloadOf } from "../../lib/server/form_hooks.ts";
import type { HookEvent } from "../../lib/server/http_hooks.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { assertEquals } from "../helpers/assert.ts";

const SERVER = { serverId: "vid-0000001", serviceId: "abcdef12" };
const CLIENT = {
  ...{ id: "c7", ip: "203.0.113.9", tcUrl: "rtmp://v.example/live", pageUrl: "https://p.example/" },
  ...{ flashVer: "LNX 9,0,124,2", swfUrl: "https://p.example/p.swf" },
};

/** nginx-rtmp sends these with every call. */
const COMMON = {
  ...{ app: "live", flashver: "LNX 9,0,124,2", swfurl: "https://p.example/p.swf" },
  ...{ tcurl: "rtmp://v.example/live", pageurl: "https://p.example/", addr: "203.0.113.9" },
  clientid: "c7",
};

const UPDATE = { seconds: 30.5, sentBytes: 10, receivedBytes: 20 };
const UPDATED = { name: "show", time: 30, timestamp: 30_500, bytes_in: 20, bytes_out: 10 };

const PAYLOADS: readonly (readonly [event: HookEvent, own: Readonly<Record<string, unknown>>])[] = [
  [{ action: "on_connect" }, { call: "connect" }],
  [
    { action: "on_close", sentBytes: 10, receivedBytes: 20 },
    { call: "disconnect", bytes_in: 20, bytes_out: 10 },
  ],
  [{ action: "on_publish" }, { call: "publish", name: "show", type: "live" }],
  [{ action: "on_unpublish" }, { call: "publish_done", name: "show" }],
  [{ action: "on_play" }, { call: "play", name: "show" }],
  [{ action: "on_stop" }, { call: "play_done", name: "show" }],
  [{ action: "on_update", doing: "play", ...UPDATE }, { call: "update_play", ...UPDATED }],
  [{ action: "on_update", doing: "publish", ...UPDATE }, { call: "update_publish", ...UPDATED }],
  [
    { action: "on_dvr", cwd: "/srv", file: "./objs/show.flv" },
    { call: "record_done", name: "show", recorder: "", path: "./objs/show.flv" },
  ],
];

for (const [event, own] of PAYLOADS) {
  Deno.test(`payloadOf() of ${String(own["call"])} has nginx-rtmp's fields`, () => {
    const url = parseStreamUrl({
      tcUrl: CLIENT.tcUrl,
      app: "",
      stream: "show?user=ann&key=s3cret",
    });
    const payload = payloadOf("form", event, { server: SERVER, client: CLIENT, url });
    assertEquals(payload, { ...COMMON, ...own, user: "ann", key: "s3cret" } as typeof payload);
  });
}

Deno.test("payloadOf() lets no parameter of a client replace a field", () => {
  const stream = "show?addr=10.0.0.1&CALL=play&name=other&tcurl=x&=y&user=ann";
  const url = parseStreamUrl({ tcUrl: CLIENT.tcUrl, app: "", stream });
  const subject = { server: SERVER, client: CLIENT, url };
  const payload = payloadOf("form", { action: "on_publish" }, subject);
  const own = { ...COMMON, call: "publish", name: "show", type: "live" };
  assertEquals(payload, { ...own, user: "ann" } as typeof payload);
});

const STATUSES: readonly (readonly [status: number, verdict: string])[] = [
  [200, "allowed"],
  [201, "allowed"],
  [204, "allowed"],
  [301, "failed: it redirects (HTTP 301)"],
  [302, "failed: it redirects (HTTP 302)"],
  [400, "refused: HTTP 400"],
  [403, "refused: HTTP 403"],
  [404, "refused: HTTP 404"],
  [500, "failed: it answered with HTTP 500"],
  [503, "failed: it answered with HTTP 503"],
];

for (const [status, expected] of STATUSES) {
  Deno.test(`judgeStatus() of ${status} is ${expected}`, () => {
    const verdict = judgeStatus(status);
    const text = verdict.type === "allowed" ? verdict.type : `${verdict.type}: ${verdict.reason}`;
    assertEquals(text, expected);
  });
}
