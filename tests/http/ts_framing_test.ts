import { assert, assertEquals } from "../helpers/assert.ts";
import { FlvRig } from "../helpers/flv_rig.ts";
import { AAC_CONFIG, audioFrame, AVC_CONFIG, videoFrame } from "../hls/rig.ts";

const [AUDIO, VIDEO] = [8, 9];

const VHOST = `vhost __defaultVhost__ {
  play { mw_latency 0; } http_remux { enabled on; mount /[app]/[stream].ts; }
}`;

/** What a transport stream has, by PID: packets, and how often the counter does not continue. */
function countPackets(bytes: Uint8Array): Record<number, [packets: number, breaks: number]> {
  const counts: Record<number, [number, number]> = {};
  const counters = new Map<number, number>();
  assertEquals(bytes.length % 188, 0);
  for (let at = 0; at < bytes.length; at += 188) {
    assertEquals(bytes[at], 0x47, `sync byte at ${at}`);
    const pid = ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!;
    const counter = bytes[at + 3]! & 15;
    const hasPayload = (bytes[at + 3]! & 0x10) !== 0;
    const before = counters.get(pid);
    const count = counts[pid] ??= [0, 0];
    count[0]++;
    if (before !== undefined && hasPayload && counter !== ((before + 1) & 15)) count[1]++;
    counters.set(pid, counter);
  }
  return counts;
}

Deno.test("A mount that ends in .ts serves a transport stream, from a keyframe on", async () => {
  const rig = new FlvRig({ vhosts: VHOST });
  const publisher = rig.publish();
  publisher.push(VIDEO, 0, AVC_CONFIG).push(AUDIO, 0, AAC_CONFIG);
  const send = (from: number, to: number) => {
    for (let count = from; count < to; count++) {
      publisher.push(VIDEO, count * 40, videoFrame(count % 25 === 0, count));
      publisher.push(AUDIO, count * 40, audioFrame(count));
    }
  };
  send(0, 30);
  const responses = await Promise.all([rig.fetch("/live/show.ts"), rig.fetch("/live/show.ts")]);
  assertEquals(responses.map(({ status }) => status), [200, 200]);
  assertEquals(responses[0]!.headers.get("content-type"), "video/mp2t");
  await rig.clock.advance(100);
  send(30, 60);
  await rig.clock.advance(100);
  for (const response of responses) {
    const { bytes } = rig.readerOf(response);
    // Program association table first, then the program map, then the keyframe.
    assertEquals([bytes[0], bytes[1]! & 0x1f, bytes[2]], [0x47, 0, 0]);
    const counts = countPackets(bytes);
    assertEquals(Object.values(counts).map(([, breaks]) => breaks), [0, 0, 0, 0]);
    // From frame 25 on, one packet a frame and more for a keyframe; tables before 25 and 50.
    assertEquals([counts[0], counts[4096]], [[2, 0], [2, 0]]);
    assert(counts[256]![0] >= 35 && counts[257]![0] >= 35, JSON.stringify(counts));
  }
});

Deno.test("A vhost serves the container of its mount only", async () => {
  const rig = new FlvRig({ vhosts: VHOST });
  const response = await rig.fetch("/live/show.flv");
  assertEquals([response.status, await response.text()], [404, "Not for HTTP-FLV\n"]);
});
