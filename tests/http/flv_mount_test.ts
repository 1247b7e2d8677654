import { matchMount } from "../../lib/http/flv_mount.ts";
import { assertEquals } from "../helpers/assert.ts";

const MOUNT = "/[app]/[stream].flv";

const FOUND: readonly (readonly [mount: string, path: string, app: string, stream: string])[] = [
  [MOUNT, "/live/show.flv", "live", "show"],
  [MOUNT, "/live/room/show.flv", "live/room", "show"],
  [MOUNT, "/live/show.v2.flv", "live", "show.v2"],
  [MOUNT, "/live/sh%C3%B6w.flv", "live", "shöw"],
  [MOUNT, "/live/.flv.flv", "live", ".flv"],
  // Blanks are dropped, as RTMP drops them.
  [MOUNT, "/my%20live/caf%C3%A9%20one%0A.flv", "mylive", "caféone"],
  [MOUNT, "/v1.0/it's%20a%22b%3Cc%3E.flv", "v1.0", `it'sa"b<c>`],
  ["/watch/[app]-[stream].flv", "/watch/live-show.flv", "live", "show"],
  ["/a.b/[app]/[stream].flv", "/a.b/live/show.flv", "live", "show"],
];

for (const [mount, path, app, stream] of FOUND) {
  Deno.test(`matchMount() finds ${app}/${stream} at ${path} of ${mount}`, () => {
    assertEquals(matchMount(mount, path), { app, stream });
  });
}

const NOTHING: readonly (readonly [path: string, why: string])[] = [
  ["/live/show", "it does not end in .flv"],
  ["/live/show.flv/", "it ends in a slash"],
  ["/show.flv", "it has no app"],
  ["/live/.flv", "it has no stream"],
  ["//show.flv", "its app is empty"],
  ["/live//show.flv", "a part of its app is empty"],
  ["/live/a%2Fb.flv", "a name contains an encoded slash"],
  ["/live/a%3Fvhost=b.flv", "a name contains encoded parameters"],
  ["/live/a%23b.flv", "a name contains an encoded fragment"],
  ["/live...vhost...b/show.flv", "the app contains a vhost"],
  ["/live/%20.flv", "its stream is a space"],
  ["/live/a%00.flv", "it has a zero byte"],
  ["/live/%ff.flv", "it is not UTF-8"],
];

for (const [path, why] of NOTHING) {
  Deno.test(`matchMount() finds nothing at ${path}: ${why}`, () => {
    assertEquals(matchMount(MOUNT, path), null);
  });
}

Deno.test("matchMount() takes a mount literally except for its placeholders", () => {
  assertEquals(matchMount("/a.b/[app]/[stream].flv", "/axb/live/show.flv"), null);
});

Deno.test("matchMount() rejects a long path in linear time", () => {
  const startMs = performance.now();
  assertEquals(matchMount(MOUNT, `${"/a".repeat(100_000)}.fl`), null);
  assertEquals(performance.now() - startMs < 1_000, true);
});
