/** Recordings of a whole server: what is on the disk, what callbacks, API and metrics say of it. */

import { readFlv } from "../../lib/media/flv_file.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { type LocalServer, PROMPT, startLocalServer } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const granted = await needs("net", "read", "write");
const TIMEOUT_MS = 15_000;

/** AVC, 64x36, as libx264 announces it. */
const HEADER = Uint8Array.fromHex(
  "17000000000164000affe100176764000aacb423fcf808800000030080000000" +
    "0a0789135001000468ee3cb0",
);

/** Returns the numbers of the frames in a recording. */
async function framesIn(path: string): Promise<number[]> {
  const { tags } = readFlv(await Deno.readFile(path));
  return tags.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1).map(numberOf);
}

async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(`${folder}/${name}`);
  return names.sort();
}

async function answerOf(server: LocalServer, path: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${server.httpPort}${path}`)).text();
}

netTest(
  "a recording is on the disk, in API and metrics, and reported to on_dvr",
  () =>
    inTempDirectory(async (folder) => {
      if (granted.ignore) return;
      const heard: Record<string, unknown>[] = [];
      await using hook = Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        async (request) => {
          heard.push(await request.json());
          return new Response("0");
        },
      );
      const url = `http://127.0.0.1:${hook.addr.port}/dvrs`;
      await using server = startLocalServer(`
      http_api { enabled on; listen 127.0.0.1:1985; }
      vhost __defaultVhost__ { ${PROMPT}
        dvr { enabled on; dvr_path ${folder}/[app]/[stream].[timestamp].flv; }
        http_hooks { enabled on; on_dvr ${url}; }
      }`);
      const publisher = await RtmpClient.publish(server.port, "show?token=s");
      publisher.push({ typeId: 9, timestampMs: 0, payload: HEADER });
      for (let number = 0; number < 100; number++) publisher.push(numberedFrame(number));
      const streams = async () => JSON.parse(await answerOf(server, "/api/v1/streams")).streams;
      await until("bytes", async () => (await streams())[0]?.recording?.bytes > 10_000, {
        timeoutMs: TIMEOUT_MS,
      });
      const { recording } = (await streams())[0];
      assertMatch(recording.file, /\/live\/show\.\d{13}\.flv\.tmp$/);
      assertEquals(recording.duration_ms, 990);
      assertEquals(await framesIn(recording.file), Array.from({ length: 100 }, (_, at) => at));
      const metrics = await answerOf(server, "/metrics");
      assert(metrics.includes('edge_recordings{vhost="__defaultVhost__"} 1'), metrics);
      assert(/edge_recording_bytes_total\S* 1\d{4}\n/.test(metrics), metrics);
      await publisher.close();
      // The connection is lost, so the publisher could return within the grace.
      const back = await RtmpClient.publish(server.port, "show?token=t");
      back.push({ typeId: 9, timestampMs: 0, payload: HEADER });
      for (let number = 100; number < 150; number++) back.push(numberedFrame(number));
      back.sendCommand("FCUnpublish", [null, "show"]);
      await back.barrier();
      await until("the callback", () => heard.length > 0, { timeoutMs: TIMEOUT_MS });
      const { client_id: id, server_id: _server, service_id: _service, ...payload } = heard[0]!;
      const path = recording.file.replace(/\.tmp$/, "");
      assertMatch(String(id), /^c\d+$/);
      assertEquals(payload, {
        action: "on_dvr",
        ip: "127.0.0.1",
        vhost: "__defaultVhost__",
        app: "live",
        tcUrl: `rtmp://127.0.0.1:${server.port}/live`,
        param: "?token=s",
        stream: "show",
        stream_url: "/live/show",
        stream_id: (await streams())[0]?.id ?? payload["stream_id"],
        cwd: Deno.cwd(),
        file: path,
      });
      assertEquals(await framesIn(path), Array.from({ length: 150 }, (_, at) => at));
      await back.close();
    }),
);

netTest(
  "fifty recordings cost no player a frame, and are complete",
  () =>
    inTempDirectory(async (folder) => {
      if (granted.ignore) return;
      const [streams, frames, periodMs] = [50, 120, 20];
      await using server = startLocalServer(
        `vhost __defaultVhost__ { ${PROMPT} dvr { enabled on; dvr_path ${folder}/[stream].flv; } }`,
      );
      await using stack = new AsyncDisposableStack();
      const received = Array.from({ length: streams }, (): number[] => []);
      const publishers = await Promise.all(received.map(async (numbers, index) => {
        const player = stack.use(await RtmpClient.play(server.port, `show${index}`));
        player.onMediaMessage = (message) => void numbers.push(numberOf(message));
        return stack.use(await RtmpClient.publish(server.port, `show${index}`));
      }));
      for (let number = 0; number < frames; number++) {
        for (const publisher of publishers) publisher.push(numberedFrame(number));
        await new Promise((resolve) => setTimeout(resolve, periodMs));
      }
      const all = Array.from({ length: frames }, (_, at) => at);
      await until("the last frames", () => received.every((one) => one.length === frames), {
        timeoutMs: TIMEOUT_MS,
      });
      for (const numbers of received) assertEquals(numbers, all);
      for (const publisher of publishers) publisher.sendCommand("deleteStream", [null, 1]);
      const isComplete = (path: string) => path.endsWith(".flv");
      await until("the files", async () => (await filesIn(folder)).every(isComplete), {
        timeoutMs: TIMEOUT_MS,
      });
      const paths = await filesIn(folder);
      assertEquals(paths.length, streams);
      for (const path of paths) assertEquals(await framesIn(path), all);
      assertEquals(server.log.urgent, []);
    }),
);
