/** Networks that fail silently: no FIN, no reset, bytes just stop arriving. */

import { hasNetworkNamespaces, NetworkNamespace } from "../helpers/network_namespace.ts";
import { freePort } from "../helpers/ports.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { addressOf, type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { delay } from "../helpers/until.ts";
import {
  type ArrivalClock,
  canRunPrograms,
  edgeVhost,
  FailoverRig,
  MAX_STEP_MS,
  STALL_TIMEOUT_MS,
} from "./failover_rig.ts";
import { type Blow, checkPlayers, checkPublisher, runScenes } from "./failover_scenes.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample, type Sample } from "./sample.ts";

/** Default of `connect_timeout`. */
const CONNECT_TIMEOUT_MS = 3_000;

const CUT: Blow = {
  name: "cut off from the network",
  maxSilenceMs: 1_200,
  maxPushMs: STALL_TIMEOUT_MS + 500,
  async startOrigins(rig) {
    const namespace = rig.use(await NetworkNamespace.create());
    const origins = [
      await rig.origin("origin1", { namespace }),
      await rig.origin("origin2"),
    ] as const;
    return { origins, strike: () => namespace.cut(), heal: () => namespace.restore() };
  },
};

const ignore = !await canRunPrograms() || !await hasNetworkNamespaces();

Deno.test({
  name: `an edge continues without loss when the origin is ${CUT.name}`,
  ignore,
  fn: (t) =>
    runScenes(t, [
      {
        name: "players lose and duplicate nothing",
        run: (rig, sample) => checkPlayers(rig, { blow: CUT, sample }),
      },
      {
        name: "a publisher stays and loses nothing",
        run: (rig, sample) => checkPublisher(rig, { blow: CUT, sample }),
      },
    ]),
});

/** The first origin of the list: what is wrong with it, and how long detecting that may take. */
const ABSENCES = [
  { name: "refuses connections", budgetMs: 0 },
  { name: "answers nothing", budgetMs: CONNECT_TIMEOUT_MS },
] as const;

/** Default of `retry_max`. */
const RETRY_MAX_MS = 800;

/** Time for a start, beyond the time to detect a dead origin. */
const START_MS = 500;

Deno.test({
  name: "an edge whose first origin is dead from the start pays for that once, not per stream",
  ignore,
  fn: (t) =>
    runScenes(
      t,
      ABSENCES.map(({ name, budgetMs }) => ({
        name: `it ${name}`,
        run: (rig, sample) => checkAbsence(rig, { budgetMs, sample }),
      })),
    ),
});

async function checkAbsence(
  rig: FailoverRig,
  { budgetMs, sample }: { readonly budgetMs: number; readonly sample: Sample },
): Promise<void> {
  const origin = await rig.origin("origin");
  const absent = budgetMs === 0 ? `127.0.0.1:${freePort()}` : await makeBlackHole(rig);
  // Streams of a vhost share what they learn about origins, so each direction has a separate vhost.
  const vhosts = ["play.test", "publish.test"].map((name) =>
    edgeVhost([absent, addressOf(origin)], name)
  );
  const edge = await rig.server("edge", vhosts.join("\n"));
  for (const stream of ["one", "two", "three"]) {
    await rig.publish(FFMPEG, sample, streamUrl(origin, stream));
  }

  const play = async (stream: string) => {
    const tcUrl = `rtmp://play.test:${edge.port}/live`;
    const clock = await rig.watch(edge, stream, { tcUrl });
    await rig.untilMore(clock, `the first video frame of ${stream}`, 1);
  };
  const send = async (stream: string) => {
    const tcUrl = `rtmp://publish.test:${edge.port}/live`;
    rig.use(await RtmpClient.publish(edge.port, stream, { tcUrl }));
  };
  const measureMs = async (action: () => Promise<void>) => {
    const beganMs = rig.now();
    await action();
    return Math.round(rig.now() - beganMs);
  };
  const start = (streams: readonly [string, string]) =>
    Promise.all([measureMs(() => play(streams[0])), measureMs(() => send(streams[1]))]);
  const first = await start(["one", "pushed1"]);
  const second = await start(["two", "pushed2"]);
  // After the longest configured pause, a dead origin may be tried again.
  await delay(RETRY_MAX_MS);
  const third = await start(["three", "pushed3"]);
  const report = [first, second, third].map(([playMs, sendMs]) => `${playMs}/${sendMs}`);
  say(`  first video frames and accepted publishers after ${report.join(", ")} ms`);
  for (const tookMs of first) {
    rig.assertInTime(tookMs, budgetMs + START_MS, "The first start");
  }
  for (const tookMs of [...second, ...third]) {
    rig.assertInTime(tookMs, START_MS, "A later start");
  }
}

/** Returns an address that accepts packets and answers nothing. */
async function makeBlackHole(rig: FailoverRig): Promise<string> {
  const namespace = rig.use(await NetworkNamespace.create());
  await namespace.cut();
  return `${namespace.address}:1935`;
}

/** A publisher that loses its network. */
interface Return {
  readonly name: string;
  /** Time from the network failure to its return, from another address. */
  readonly afterMs: number;
  /**
   * Whether its program ends meanwhile; otherwise both connections exist when the network is back.
   */
  readonly isKilled: boolean;
}

/** How long after the cut frames may still arrive. */
const LATE_FRAMES_MS = 200;

const RETURNS: readonly Return[] = [
  { name: "while its dead connection is open", afterMs: 1_500, isKilled: false },
  { name: "after its dead connection was closed", afterMs: 8_500, isKilled: true },
];

Deno.test({
  name: "a publisher whose network failed is not refused as busy when it returns",
  ignore,
  async fn(t) {
    await using rig = await FailoverRig.create();
    const namespace = rig.use(await NetworkNamespace.create());
    const place = { hostname: namespace.gateway };
    const origin = await rig.origin("origin", place);
    const edge = await rig.edge("edge", [origin], place);
    const sample = await createSample(rig.directory, 10);
    const scenes = [origin, edge].flatMap((to) =>
      RETURNS.map((plan) => new ReturnScene(rig, { plan, to, origin, sample }))
    );
    await Promise.all(scenes.map((scene) => scene.start(namespace)));
    await namespace.cut();
    const outcomes = await Promise.allSettled(scenes.map((scene) => scene.comeBack()));
    await namespace.restore();
    for (const [index, scene] of scenes.entries()) {
      await t.step(scene.name, async () => {
        const outcome = outcomes[index]!;
        if (outcome.status === "rejected") throw outcome.reason;
        await scene.check();
      });
    }
  },
});

interface ReturnSceneOptions {
  readonly plan: Return;
  readonly to: RtmpServer;
  /** The server that `to` sends the stream to, or `to` itself. */
  readonly origin: RtmpServer;
  readonly sample: Sample;
}

/** One stream, whose publisher is lost and returns. */
class ReturnScene {
  readonly name: string;
  readonly #rig: FailoverRig;
  readonly #options: ReturnSceneOptions;
  readonly #stream: string;
  #clocks: readonly ArrivalClock[] = [];
  #lost: ChildProcess | null = null;
  #returned: ChildProcess | null = null;

  constructor(rig: FailoverRig, options: ReturnSceneOptions) {
    const { plan, to } = options;
    this.name = `to the ${to.name}, ${plan.name}`;
    this.#rig = rig;
    this.#options = options;
    this.#stream = `${to.name}-${plan.afterMs}`;
  }

  async start(namespace: NetworkNamespace): Promise<void> {
    const { to, origin, sample } = this.#options;
    const command = namespace.command(FFMPEG.command(sample, streamUrl(to, this.#stream)));
    this.#lost = this.#rig.use(startProcess({ name: `lost publisher of ${this.name}`, command }));
    const places = to === origin ? [origin] : [origin, to];
    this.#clocks = await Promise.all(places.map((place) => this.#rig.watch(place, this.#stream)));
    await this.#untilMore("video frames");
  }

  async comeBack(): Promise<void> {
    const { plan, to, sample } = this.#options;
    await delay(plan.afterMs);
    if (plan.isKilled) Deno.kill(this.#lost!.pid, "SIGKILL");
    this.#returned = await this.#rig.publish(FFMPEG, sample, streamUrl(to, this.#stream));
    await this.#untilMore("the publisher is back");
  }

  /** Checks the stream, also after the lost network is back. */
  async check(): Promise<void> {
    const rig = this.#rig;
    await this.#untilMore("the network is back");
    const { status } = this.#returned!;
    rig.assert(status === undefined, `The returned publisher was dropped: ${this.name}`);
    for (const clock of this.#clocks) {
      const silenceMs = Math.round(clock.longestWaitMs);
      const stepMs = clock.largestStepMs;
      say(`  ${this.name}: ${silenceMs} ms of silence at the ${clock.name}, step ${stepMs} ms`);
      // Frames stopped while it was away, so none arrived twice.
      rig.assert(silenceMs >= this.#options.plan.afterMs - LATE_FRAMES_MS, "Frames arrived twice");
      rig.assert(clock.isTimeForward, "Time went back");
      rig.assert(stepMs <= MAX_STEP_MS, `Time leapt by ${stepMs} ms`);
    }
  }

  async #untilMore(what: string): Promise<void> {
    await Promise.all(this.#clocks.map((clock) => this.#rig.untilMore(clock, what)));
  }
}
