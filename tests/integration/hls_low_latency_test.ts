import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { delay, until } from "../helpers/until.ts";
import { AAC_CONFIG, audioFrame, AVC_CONFIG, videoFrame } from "../hls/rig.ts";

/** Publishes a video and an audio frame every 40 ms, and a keyframe every second. */
async function publish(port: number, signal: AbortSignal): Promise<void> {
  await using client = await RtmpClient.publish(port, "show");
  client.push({ typeId: 9, timestampMs: 0, payload: AVC_CONFIG });
  client.push({ typeId: 8, timestampMs: 0, payload: AAC_CONFIG });
  const startMs = performance.now();
  for (let count = 0; !signal.aborted; count++) {
    client.push({
      typeId: 9,
      timestampMs: count * 40,
      payload: videoFrame(count % 25 === 0, count),
    });
    client.push({ typeId: 8, timestampMs: count * 40, payload: audioFrame(count) });
    await delay(Math.max(0, startMs + (count + 1) * 40 - performance.now()));
  }
}

netTest(
  "A playlist and the part that it promises are waited for, and mistakes are not",
  async () => {
    const root = await Deno.makeTempDir();
    const abort = new AbortController();
    await using server = startLocalServer(
      `http_server { enabled on; dir ${root}; }
     vhost __defaultVhost__ { hls { enabled on; hls_path ${root}; hls_fragment 1; hls_ll on; } }`,
    );
    const published = publish(server.port, abort.signal);
    try {
      const url = `http://127.0.0.1:${server.httpPort}/live/show.m3u8`;
      const get = async (query: string) => {
        const response = await fetch(url + query);
        return { status: response.status, text: await response.text() };
      };
      await until("two segments", async () => /EXTINF[^]*EXTINF/.test((await get("")).text), {
        timeoutMs: 15_000,
      });
      for (let round = 0; round < 4; round++) {
        const { text } = await get("");
        const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)![1]);
        const next = first + text.match(/#EXTINF/g)!.length;
        const open = text.split("#EXTINF").at(-1)!.match(/#EXT-X-PART:/g)?.length ?? 0;
        const hint = /#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(text)![1]!;
        const startMs = performance.now();
        const [waited, part] = await Promise.all([
          get(`?_HLS_msn=${next}&_HLS_part=${open}`),
          fetch(new URL(hint, url)),
        ]);
        const bytes = await part.bytes();
        assertEquals([waited.status, part.status], [200, 200]);
        assert(waited.text.includes(`URI="${hint}"`), `${hint}\n${waited.text}`);
        assertMatch(part.headers.get("cache-control")!, /immutable/);
        assertEquals(new TextDecoder().decode(bytes.subarray(4, 8)), "moof");
        assert(performance.now() - startMs < 2000);
      }
      const { text } = await get("");
      const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)![1]);
      assertEquals((await get(`?_HLS_msn=${first}`)).status, 200);
      for (const query of ["?_HLS_part=0", "?_HLS_msn=x", `?_HLS_msn=${first + 1000}`]) {
        assertEquals([query, (await get(query)).status], [query, 400]);
      }
      const missing = await fetch(new URL("show-1.part0.m4s", url));
      await missing.body?.cancel();
      assertEquals(missing.status, 404);
    } finally {
      abort.abort();
      await published;
      await Deno.remove(root, { recursive: true });
    }
  },
);
