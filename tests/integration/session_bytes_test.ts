/** Session records add up to what the kernel counts. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import {
  type LocalServer,
  PROMPT,
  startEdgeOf,
  startLocalServer,
} from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { AVC_HEADER } from "../helpers/tiny_media.ts";
import { until } from "../helpers/until.ts";

const FRAME_BYTES = 50_000;
const SMALL_BYTES = 500;
const FRAMES = 40;
const PATIENCE = { timeoutMs: 30_000, everyMs: 20 };

/** Bytes of the sockets of a server, by the kernel: those of the newest look at each. */
class KernelCounts {
  readonly #port: number;
  /** By the peer's port. */
  readonly #bytes = new Map<string, number>();

  constructor(port: number) {
    this.#port = port;
  }

  async look(): Promise<void> {
    const { stdout } = await new Deno.Command("ss", {
      args: ["-tinHO", "state", "established", `( sport = :${this.#port} )`],
      stderr: "null",
    }).output();
    for (const line of new TextDecoder().decode(stdout).split("\n")) {
      const [, , , peer] = line.trim().split(/\s+/);
      if (peer === undefined) continue;
      const count = (name: string) => Number(new RegExp(` ${name}:(\\d+)`).exec(line)?.[1] ?? 0);
      this.#bytes.set(peer, count("bytes_sent") - count("bytes_retrans") + count("bytes_received"));
    }
  }

  get sum(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }
}

/** Publishes large frames, no two of which are alike. */
class Source {
  readonly #client: RtmpClient;
  #count = 0;

  constructor(client: RtmpClient) {
    this.#client = client;
    client.push({ typeId: 9, timestampMs: 0, payload: AVC_HEADER });
  }

  push(bytes = FRAME_BYTES): void {
    const payload = new Uint8Array(bytes);
    payload.set([this.#count % 10 === 0 ? 0x17 : 0x27, 1, 0, 0, 0]);
    new DataView(payload.buffer).setUint32(8, this.#count);
    this.#client.push({ typeId: 9, timestampMs: this.#count++ * 40, payload });
  }

  /** Pushes many, and waits until players have the last of them. */
  async pushTo(players: readonly RtmpClient[]): Promise<void> {
    for (let count = 0; count < FRAMES; count++) this.push();
    const last = this.#count - 1;
    await until(`frame ${last}`, () => players.every((one) => newestOf(one) === last), PATIENCE);
  }
}

/** The number of the newest frame that a player has; -1 before the first. */
function newestOf(player: RtmpClient): number {
  const payload = player.media.at(-1)?.payload;
  if (payload === undefined || payload.length < SMALL_BYTES) return -1;
  return new DataView(payload.buffer, payload.byteOffset).getUint32(8);
}

/** Calls the API of a server. */
async function api(server: LocalServer, method: string, path: string) {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/api/v1/${path}`, { method });
  return await response.json();
}

/** The API's client that is an edge, or another one, by its place in the list. */
async function clientIds(origin: LocalServer, isEdge: boolean): Promise<string[]> {
  const { clients } = await api(origin, "GET", "clients?count=100&type=rtmp-play");
  return clients.filter(({ edge }: { edge: unknown }) => (edge !== null) === isEdge)
    .map(({ id }: { id: string }) => id);
}

async function run(origin: LocalServer, kernel: KernelCounts): Promise<void> {
  await using edge = startEdgeOf(origin);
  await using publisher = await RtmpClient.publish(origin.port, "show");
  const source = new Source(publisher);
  await using kicked = await RtmpClient.play(origin.port, "show");
  const [kickedId] = await clientIds(origin, false);
  await using killed = await RtmpClient.play(origin.port, "show");
  await using stays = await RtmpClient.play(origin.port, "show");
  await using behind = await RtmpClient.play(edge.port, "show");
  // They follow the stream from here on, each at its own time.
  source.push();
  for (const player of [kicked, killed, stays, behind]) await player.untilMedia(2);
  await source.pushTo([kicked, killed, stays, behind]);
  await kernel.look();
  assertEquals((await api(origin, "DELETE", `clients/${kickedId}`)).code, 0);
  await killed.close();
  const [edgeId] = await clientIds(origin, true);
  assertEquals((await api(origin, "POST", `clients/${edgeId}/move`)).code, 0);
  await until("the move", async () => {
    // Small: what a socket gets after the last look at it is not counted.
    source.push(SMALL_BYTES);
    await kernel.look();
    const ids = await clientIds(origin, true);
    return ids.length > 0 && !ids.includes(edgeId!);
  }, PATIENCE);
  await source.pushTo([stays, behind]);
  await kernel.look();
}

Deno.test({
  name: "session records add up with the kernel's byte counts through a kill, a kick and a move",
  ...await needs("net", "read", "write", "run"),
  fn: () =>
    inTempDirectory(async (folder) => {
      if (!await hasProgram("ss")) return;
      const file = `${folder}/sessions.json`;
      let counted = 0;
      {
        await using origin = startLocalServer(
          `session_log ${file}; http_api { enabled on; } vhost __defaultVhost__ { ${PROMPT} }`,
        );
        const kernel = new KernelCounts(origin.port);
        await run(origin, kernel);
        counted = kernel.sum;
      }
      const records = Deno.readTextFileSync(file).trim().split("\n").map((line) =>
        JSON.parse(line)
      );
      const recorded = records.reduce(
        (sum, one) => sum + one.received_bytes + one.sent_bytes,
        0,
      );
      say(`session records: ${recorded} bytes, kernel: ${counted} bytes`);
      // A publisher, three players, two connections of the edge.
      assertEquals(records.length, 6);
      assert(Math.abs(recorded / counted - 1) < 0.01, `${recorded} of ${counted} bytes`);
    }),
});
