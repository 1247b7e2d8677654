// deno-lint-ignore-file camelcase -- the names are those of the payloads
/** What HTTP servers written for SRS's callbacks get, and what they may answer. */

import {
  type HookEvent,
  hookPayload,
  type HookVerdict,
  judgeAnswer,
  objectionTo,
} from "../../lib/server/http_hooks.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const SERVER = { serverId: "vid-0000001", serviceId: "abcdef12" };
const CLIENT = {
  id: "c7",
  ip: "203.0.113.9",
  tcUrl: "rtmp://v.example/live/room",
  pageUrl: "https://page.example/watch",
};
const URL_OF_STREAM = parseStreamUrl({ tcUrl: CLIENT.tcUrl, app: "", stream: "show?token=s3cret" });

/** SRS sends these with every event. */
const COMMON = {
  server_id: "vid-0000001",
  service_id: "abcdef12",
  client_id: "c7",
  ip: "203.0.113.9",
  vhost: "v.example",
  app: "live/room",
  tcUrl: "rtmp://v.example/live/room",
  param: "?token=s3cret",
};

/** And these with the events of a stream; the id is FNV-1a of the URL. */
const STREAM = {
  stream: "show",
  stream_url: "v.example/live/room/show",
  stream_id: "vid-01355ga",
};

const { pageUrl } = CLIENT;

const PAYLOADS: readonly (readonly [event: HookEvent, own: Readonly<Record<string, unknown>>])[] = [
  [{ action: "on_connect" }, { pageUrl }],
  [{ action: "on_close", sentBytes: 10, receivedBytes: 20 }, { send_bytes: 10, recv_bytes: 20 }],
  [{ action: "on_publish" }, STREAM],
  [{ action: "on_unpublish" }, STREAM],
  [{ action: "on_play" }, { ...STREAM, pageUrl }],
  [{ action: "on_stop" }, STREAM],
  [
    { action: "on_dvr", cwd: "/srv", file: "./objs/show.flv" },
    { ...STREAM, cwd: "/srv", file: "./objs/show.flv" },
  ],
  [
    {
      ...{ action: "on_hls", cwd: "/srv", file: "./html/live/show-7.ts", seconds: 2.002 },
      ...{ playlist: "./html/live/show.m3u8", fileUrl: "live/show-7.ts" },
      ...{ playlistUrl: "live/show.m3u8", sequence: 7 },
    },
    {
      ...{ ...STREAM, duration: 2.002, cwd: "/srv", file: "./html/live/show-7.ts" },
      ...{ url: "live/show-7.ts", m3u8: "./html/live/show.m3u8", m3u8_url: "live/show.m3u8" },
      seq_no: 7,
    },
  ],
  [
    { action: "on_update", doing: "play", seconds: 30.5, sentBytes: 10, receivedBytes: 20 },
    { ...STREAM, type: "play", seconds: 30.5, send_bytes: 10, recv_bytes: 20 },
  ],
];

for (const [event, own] of PAYLOADS) {
  Deno.test(`hookPayload() of ${event.action} has SRS's fields`, () => {
    const payload = hookPayload(event, { server: SERVER, client: CLIENT, url: URL_OF_STREAM });
    assertEquals(payload, { ...COMMON, action: event.action, ...own } as typeof payload);
  });
}

Deno.test("hookPayload() leaves the default vhost out of stream_url", () => {
  const url = { ...URL_OF_STREAM, vhost: "__defaultVhost__" };
  const payload = hookPayload({ action: "on_play" }, { server: SERVER, client: CLIENT, url });
  assertEquals([payload["vhost"], payload["stream_url"]], [
    "__defaultVhost__",
    "/live/room/show",
  ]);
});

interface Answer {
  readonly status?: number;
  readonly body: string;
  /** Null when the client is allowed. */
  readonly objection: string | null;
}

const NO_CODE = "Callback on_play failed: it answered with neither 0 nor a code";

const ANSWERS: readonly Answer[] = [
  { body: "0", objection: null },
  { body: "0\n", objection: null },
  { status: 201, body: "0", objection: null },
  { body: '{"code":0}', objection: null },
  { body: '{"code": 0, "msg": "welcome", "data": {}}', objection: null },
  { body: "1", objection: "Callback on_play refuses: code 1" },
  { body: '{"code":403}', objection: "Callback on_play refuses: code 403" },
  { body: '{"code":-1,"msg":"no key"}', objection: 'Callback on_play refuses: "no key"' },
  { body: '{"code":1,"message":"no key"}', objection: 'Callback on_play refuses: "no key"' },
  { body: '{"code":1,"data":"no key"}', objection: 'Callback on_play refuses: "no key"' },
  { body: '{"code":1,"msg":" ","data":"b"}', objection: 'Callback on_play refuses: "b"' },
  { body: '{"code":1,"data":{"a":1}}', objection: "Callback on_play refuses: code 1" },
  {
    body: '{"code":1,"msg":"a\\nb \\"c\\" \\u001b[2J"}',
    objection: 'Callback on_play refuses: "a\\u{a}b \\"c\\" \\u{1b}[2J"',
  },
  {
    body: JSON.stringify({ code: 1, msg: "x".repeat(201) }),
    objection: `Callback on_play refuses: "${"x".repeat(200)}…"`,
  },
  { status: 403, body: "", objection: "Callback on_play refuses: HTTP 403" },
  { status: 401, body: '{"msg":"no key"}', objection: 'Callback on_play refuses: "no key"' },
  { status: 403, body: "0", objection: "Callback on_play refuses: HTTP 403" },
  { status: 500, body: "0", objection: "Callback on_play failed: it answered with HTTP 500" },
  { status: 404, body: "0", objection: "Callback on_play failed: it answered with HTTP 404" },
  { status: 204, body: "", objection: "Callback on_play failed: it answered with HTTP 204" },
  { status: 302, body: "0", objection: "Callback on_play failed: it redirects (HTTP 302)" },
  { body: "", objection: NO_CODE },
  { body: "ok", objection: NO_CODE },
  { body: "{", objection: NO_CODE },
  { body: "{}", objection: NO_CODE },
  { body: "[]", objection: NO_CODE },
  { body: "[0]", objection: NO_CODE },
  { body: "null", objection: NO_CODE },
  { body: "false", objection: NO_CODE },
  { body: '""', objection: NO_CODE },
  { body: '"0"', objection: NO_CODE },
  { body: '{"code":"0"}', objection: NO_CODE },
  { body: '{"code":null}', objection: NO_CODE },
  { body: '{"code":false}', objection: NO_CODE },
  { body: '{"__proto__":{"code":0}}', objection: NO_CODE },
];

for (const { status = 200, body, objection } of ANSWERS) {
  const what = objection === null ? "lets the client in" : "does not let the client in";
  Deno.test(`judgeAnswer() ${what} for HTTP ${status} with ${body.slice(0, 40)}`, () => {
    assertEquals(objectionTo("on_play", judgeAnswer(status, body)), objection);
  });
}

Deno.test("judgeAnswer() gives a fix for every callback that fails", () => {
  const verdicts: HookVerdict[] = [302, 500].map((status) => judgeAnswer(status, "0"));
  verdicts.push(judgeAnswer(200, "ok"));
  for (const verdict of verdicts) assert(verdict.type === "failed" && verdict.fix !== "");
});
