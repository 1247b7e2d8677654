/** Five hundred players at an edge of an edge, while the serving origin is killed. */

import { OwnPauses } from "../helpers/own_pauses.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { addressOf, type RtmpServer } from "../helpers/servers.ts";
import { canRunPrograms, type FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { runAlone } from "./failover_scenes.ts";
import { NumberedEncoder, numberOf } from "./numbered_frames.ts";

const PLAYERS = 500;
/** Number of players that connect at a time. */
const CONNECTING = 50;

const RATE = { frameMs: 40, gopFrames: 50 };

/** Frames before the origin is killed, with all players connected, and after. */
const FRAMES_BEFORE = 50;
const FRAMES_AFTER = 125;

/**
 * A killed origin costs 250 ms; players with default settings are written to every 350 ms on top.
 */
const MAX_SILENCE_MS = 250 + 350;

const ignore = !await canRunPrograms();

Deno.test({
  name:
    "five hundred players of an edge of an edge lose and duplicate nothing when the origin is killed",
  ignore,
  fn: () => runAlone(checkCrowd),
});

async function checkCrowd(rig: FailoverRig): Promise<void> {
  const origins = [await rig.origin("origin1"), await rig.origin("origin2")] as const;
  const edge = await rig.edge("edge", origins);
  const far = await rig.server(
    "far",
    `vhost __defaultVhost__ { mode remote; origin ${addressOf(edge)}; }`,
  );
  const publishers = origins.map(({ port }) => RtmpClient.publish(port, STREAM));
  const encoder = rig.use(new NumberedEncoder(await Promise.all(publishers), RATE));
  const players = rig.use(await Crowd.gather(far));
  const untilAll = async (what: string, number: number) => {
    const goal = encoder.count + number;
    await rig.until(what, () => players.has(goal) || players.fault !== null);
    rig.assert(players.fault === null, `${what}: ${players.fault}`);
  };

  await untilAll("all players follow the stream", FRAMES_BEFORE);
  players.forgetSilence();
  await kill(origins[0]);
  await untilAll("all players continue", FRAMES_AFTER);
  const silenceMs = players.longestSilenceMs;
  say(`  ${PLAYERS} players: none lost, none duplicated, ${silenceMs} ms of silence at most`);
  rig.assertInTime(silenceMs, MAX_SILENCE_MS, "Players saw nothing");
}

/** Players that compare every frame with the one before. */
class Crowd implements AsyncDisposable {
  /** The first fault, or null. */
  fault: string | null = null;
  readonly #players: CrowdPlayer[] = [];
  readonly #pauses = new OwnPauses();

  static async gather(server: RtmpServer): Promise<Crowd> {
    const crowd = new Crowd();
    while (crowd.#players.length < PLAYERS) {
      const joining = Array.from({ length: CONNECTING }, () => RtmpClient.connect(server.port));
      for (const client of await Promise.all(joining)) {
        const report = (fault: string) => crowd.fault ??= fault;
        crowd.#players.push(new CrowdPlayer(client, crowd.#pauses, report));
      }
      await Promise.all(crowd.#players.slice(-CONNECTING).map((player) => player.play()));
    }
    return crowd;
  }

  /** Returns whether all players have frame `number`; a disconnected player is a fault. */
  has(number: number): boolean {
    if (this.#players.some(({ client }) => client.isEnded)) {
      this.fault ??= "A player was disconnected";
    }
    return this.#players.every(({ newest }) => newest >= number);
  }

  /** Longest silence of any player, in ms. */
  get longestSilenceMs(): number {
    return Math.round(Math.max(...this.#players.map((player) => player.longestSilenceMs)));
  }

  forgetSilence(): void {
    for (const player of this.#players) player.longestSilenceMs = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pauses[Symbol.dispose]();
    await Promise.all(this.#players.map(({ client }) => client.close()));
  }
}

class CrowdPlayer {
  readonly client: RtmpClient;
  /** Number of the newest frame, or -1. */
  newest = -1;
  /** Without this process's own pauses. */
  longestSilenceMs = 0;
  readonly #pauses: OwnPauses;
  #lastArrivalMs = 0;
  /** Own pauses before the newest frame. */
  #lastPausedMs = 0;
  #lastTimestampMs = 0;

  constructor(client: RtmpClient, pauses: OwnPauses, report: (fault: string) => void) {
    this.client = client;
    this.#pauses = pauses;
    client.onMediaMessage = (message) => {
      const number = numberOf(message);
      if (number === null) return;
      const { timestampMs } = message;
      if (this.newest >= 0 && number !== this.newest + 1) {
        report(`Frame ${number} follows ${this.newest}`);
      }
      if (timestampMs < this.#lastTimestampMs) report(`Time went back at frame ${number}`);
      this.#lastTimestampMs = timestampMs;
      this.#note(number);
    };
  }

  play(): Promise<void> {
    return this.client.play(STREAM);
  }

  #note(number: number): void {
    const nowMs = performance.now();
    const pausedMs = this.#pauses.totalMs;
    if (this.newest >= 0) {
      const silenceMs = nowMs - this.#lastArrivalMs - (pausedMs - this.#lastPausedMs);
      this.longestSilenceMs = Math.max(this.longestSilenceMs, silenceMs);
    }
    this.newest = number;
    this.#lastArrivalMs = nowMs;
    this.#lastPausedMs = pausedMs;
  }
}
