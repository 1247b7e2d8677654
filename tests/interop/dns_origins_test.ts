/** Streams of an edge that finds its origins by DNS, while addresses are added and removed. */

import { DnsServer } from "../helpers/dns_server.ts";
import { freePort } from "../helpers/ports.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { dnsStreams } from "../helpers/settings.ts";
import { say } from "../helpers/say.ts";
import { until } from "../helpers/until.ts";
import { canRunPrograms, FailoverRig, TIMEOUT_MS } from "./failover_rig.ts";
import { NumberedEncoder, numberOf } from "./numbered_frames.ts";

/** Clients that connect at a time. */
const CONNECTING = 10;

/** Thin streams: the machine may have others to serve. */
const RATE = { frameMs: 1_000, gopFrames: 2 };

/** On a busy machine, servers pause for seconds: silence is not to move streams as well. */
const STALL_TIMEOUT = "30s";

const NAME = "mids.example";
const [A, B, C] = ["127.0.0.11", "127.0.0.12", "127.0.0.13"] as const;

// Only there are all of 127.0.0.0/8 addresses of the machine.
const ignore = Deno.build.os !== "linux" || !await canRunPrograms();

const STREAMS = ignore ? 0 : dnsStreams();

Deno.test({
  name: "an edge spreads streams over 1, 3, then 2 addresses of a name, and loses nothing",
  ignore,
  async fn() {
    await using rig = await FailoverRig.create();
    const dns = rig.use(await DnsServer.start());
    const resolve = (...addresses: string[]) => dns.zones.set(NAME, { a: addresses });
    resolve(A);
    const root = await rig.origin("root");
    const { port } = await rig.edge("mid1", [root], { hostname: A });
    await rig.edge("mid2", [root], { hostname: B, port });
    await rig.edge("mid3", [root], { hostname: C, port });
    const apiPort = freePort();
    const leaf = await rig.server(
      "leaf",
      `http_api { enabled on; listen 127.0.0.1:${apiPort}; }
      vhost __defaultVhost__ { cluster { mode remote; origin dns:${NAME}:${port};
      dns_server 127.0.0.1:${dns.port}; stall_timeout ${STALL_TIMEOUT}; } }`,
    );
    const publishers = await forEachStream((name) => RtmpClient.publish(root.port, name));
    const encoder = rig.use(new NumberedEncoder(publishers, RATE));
    const crowd = rig.use(await Crowd.gather(leaf.port));

    /** Waits until the streams are at these addresses, and all players have a later frame. */
    const untilAt = async (...addresses: string[]): Promise<Upstreams> => {
      const most = mostAt(addresses.length);
      let found: Upstreams = { paths: [], loads: new Map(), switches: 0 };
      await rig.explain(until(`streams at ${addresses.join(" ")}`, async () => {
        found = await readUpstreams(apiPort);
        const loads = addresses.map((each) => found.loads.get(`${each}:${port}`) ?? 0);
        return loads.every((load) => load > 0 && load <= most) &&
          loads.reduce((sum, load) => sum + load) === STREAMS;
      }, { timeoutMs: 2 * TIMEOUT_MS, everyMs: 500 }));
      const goal = encoder.count + 2;
      await rig.until("all players continue", () => crowd.has(goal) || crowd.fault !== null);
      rig.assert(crowd.fault === null, `${crowd.fault}`);
      say(`  ${addresses.length}: ${[...found.loads.values()]}, ${found.switches} switches so far`);
      return found;
    };

    await untilAt(A);
    resolve(A, B, C);
    await untilAt(A, B, C);
    resolve(A, C);
    const { paths } = await untilAt(A, C);
    // Under load, the last streams may still be moving when each address has its share.
    const stayed = paths.filter(({ switches }) => switches === 0).length;
    const movedTwice = paths.filter(({ switches }) => switches === 2).length;
    rig.assert(paths.every(isShortest), `needless moves: ${JSON.stringify(paths)}`);
    rig.assert(stayed >= STREAMS / 6, `only ${stayed} have stayed at the first address`);
    rig.assert(movedTwice <= mostAt(3), `${movedTwice} were at the removed address`);
  },
});

/** The load bound of each of `count` addresses, in streams. */
function mostAt(count: number): number {
  return Math.ceil(1.25 * STREAMS / count);
}

/** Where a stream is, and how many moves it took. */
interface StreamPath {
  readonly origin: string;
  readonly switches: number;
}

/** Whether a stream moved only to where it belongs, and once more if that was removed. */
function isShortest({ origin, switches }: StreamPath): boolean {
  return origin.startsWith(A) ? switches === 0 || switches === 2 : switches === 1 || switches === 2;
}

/** The pulls of an edge. */
interface Upstreams {
  readonly paths: readonly StreamPath[];
  /** Streams by address of their origin. */
  readonly loads: ReadonlyMap<string, number>;
  /** Switches of all streams so far. */
  readonly switches: number;
}

async function readUpstreams(apiPort: number): Promise<Upstreams> {
  const answer = await fetch(`http://127.0.0.1:${apiPort}/api/v1/streams?count=${2 * STREAMS}`);
  const { streams } = await answer.json() as {
    streams: { upstreams: StreamPath[] }[];
  };
  const upstreams = streams.flatMap(({ upstreams }) => upstreams);
  const loads = new Map<string, number>();
  for (const { origin } of upstreams) loads.set(origin, (loads.get(origin) ?? 0) + 1);
  return {
    paths: upstreams,
    loads,
    switches: upstreams.reduce((sum, { switches }) => sum + switches, 0),
  };
}

/** Returns what `make` makes for each stream, some of them at a time. */
async function forEachStream<T>(make: (name: string) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  while (made.length < STREAMS) {
    const names = Array.from({ length: CONNECTING }, (_, index) => `show${made.length + index}`);
    made.push(...await Promise.all(names.map(make)));
  }
  return made;
}

/** A player of each stream, which compares every frame with the one before. */
class Crowd implements AsyncDisposable {
  /** The first fault, or null. */
  fault: string | null = null;
  readonly #newest: number[] = [];
  #players: readonly RtmpClient[] = [];

  static async gather(port: number): Promise<Crowd> {
    const crowd = new Crowd();
    crowd.#players = await forEachStream(async (name) => {
      const client = await RtmpClient.connect(port);
      crowd.#follow(client);
      await client.play(name);
      return client;
    });
    return crowd;
  }

  /** Returns whether all players have frame `number`; a disconnected player is a fault. */
  has(number: number): boolean {
    if (this.#players.some(({ isEnded }) => isEnded)) this.fault ??= "A player was disconnected";
    return this.#newest.every((newest) => newest >= number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#players.map((client) => client.close()));
  }

  #follow(client: RtmpClient): void {
    const player = this.#newest.push(-1) - 1;
    client.onMediaMessage = (message) => {
      const number = numberOf(message);
      if (number === null) return;
      const newest = this.#newest[player]!;
      if (newest >= 0 && number !== newest + 1) this.fault ??= `Frame ${number} follows ${newest}`;
      this.#newest[player] = number;
    };
  }
}
