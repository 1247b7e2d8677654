/** One encoder, two origins that may be lost, and the edges whose players must not notice. */

import { isFrame } from "../../lib/demo/frame_check.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { NetworkNamespace } from "../helpers/network_namespace.ts";
import { OwnPauses } from "../helpers/own_pauses.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { type MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";
import { addressOf, type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { delay } from "../helpers/until.ts";
import { edgeVhost, FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample } from "./sample.ts";

/** How an origin is lost: its process dies, or is stopped; its network drops all packets. */
export const WAYS = ["kill", "freeze", "cut"] as const;
type Way = typeof WAYS[number];

/** Frames by which a newcomer at an origin may lag behind the other players. */
const NEAR_FRAMES = 30;

/** What all players of an edge saw at most since the last look. */
export interface Seen {
  readonly disconnects: number;
  readonly lost: number;
  readonly twice: number;
  /** Longest time between two video frames. */
  readonly silenceMs: number;
}

/** The frames of a file that is sent again and again, and what they are called. */
class LoopedTrack {
  readonly #keys: readonly string[];
  /** -1 for frames that occur more than once. */
  readonly #places = new Map<string, number>();

  constructor(payloads: readonly Uint8Array[]) {
    this.#keys = payloads.map(keyOf);
    for (const [place, key] of this.#keys.entries()) {
      this.#places.set(key, this.#places.has(key) ? -1 : place);
    }
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Returns how far a frame is from the one at `place`: 1 is the next; null if there is none. */
  stepFrom(place: number, payload: Uint8Array): number | null {
    const key = keyOf(payload);
    for (let step = 1; step <= this.size; step++) {
      if (this.#keys[(place + step) % this.size] === key) {
        return step > this.size / 2 ? step - this.size : step;
      }
    }
    return null;
  }

  /** Returns the place of a frame that occurs once, else -1. */
  find(payload: Uint8Array): number {
    return this.#places.get(keyOf(payload)) ?? -1;
  }
}

/** A player that knows the file, and checks every frame of one track. */
class TrackCheck {
  readonly #track: LoopedTrack;
  #place = -1;
  #timestampMs = 0;
  lost = 0;
  /** Frames received again, out of order, changed, or with an earlier time than the one before. */
  twice = 0;

  constructor(track: LoopedTrack) {
    this.#track = track;
  }

  get place(): number {
    return this.#place;
  }

  accept({ payload, timestampMs }: MediaMessage): void {
    if (this.#place < 0) {
      this.#place = this.#track.find(payload);
    } else {
      const step = this.#track.stepFrom(this.#place, payload);
      if (step === null || step <= 0 || timestampMs < this.#timestampMs) this.twice++;
      if (step === null || step <= 0) return;
      this.lost += step - 1;
      this.#place = (this.#place + step) % this.#track.size;
    }
    this.#timestampMs = timestampMs;
  }
}

/** A player of an edge. */
class Watcher {
  readonly server: RtmpServer;
  readonly #client: RtmpClient;
  readonly #video: TrackCheck;
  readonly #audio: TrackCheck;
  frames = 0;
  #newestMs = 0;
  #silenceMs = 0;
  #before = { lost: 0, twice: 0 };

  private constructor(server: RtmpServer, client: RtmpClient, tracks: Tracks) {
    this.server = server;
    this.#client = client;
    this.#video = new TrackCheck(tracks.video);
    this.#audio = new TrackCheck(tracks.audio);
    client.onMediaMessage = (message) => this.#accept(message);
  }

  static async open(server: RtmpServer, tracks: Tracks): Promise<Watcher> {
    const { hostname = "127.0.0.1", port } = server;
    return new Watcher(server, await RtmpClient.play(port, STREAM, { hostname }), tracks);
  }

  get place(): number {
    return this.#video.place;
  }

  take(): Seen {
    const [lost, twice] = [
      this.#video.lost + this.#audio.lost,
      this.#video.twice + this.#audio.twice,
    ];
    const seen = {
      disconnects: this.#client.isEnded ? 1 : 0,
      lost: lost - this.#before.lost,
      twice: twice - this.#before.twice,
      silenceMs: Math.round(Math.max(this.#silenceMs, performance.now() - this.#newestMs)),
    };
    this.#before = { lost, twice };
    this.#silenceMs = 0;
    return seen;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #accept(message: MediaMessage): void {
    if (!isFrame(message)) return;
    if (message.typeId === 8) return this.#audio.accept(message);
    const nowMs = performance.now();
    if (this.frames++ > 0) this.#silenceMs = Math.max(this.#silenceMs, nowMs - this.#newestMs);
    this.#newestMs = nowMs;
    this.#video.accept(message);
  }
}

interface Tracks {
  readonly video: LoopedTrack;
  readonly audio: LoopedTrack;
}

/** An origin and its network. */
interface Origin {
  readonly name: string;
  readonly namespace: NetworkNamespace;
  server: RtmpServer;
}

/**
 * A player at each of four edges; `entry` has `push all`, `both` has `standby on`.
 *
 * ```
 *   ffmpeg ─▶ entry ─▶ a, b ◀── one ◀── far
 *                          ◀── other
 *                          ◀── both
 * ```
 */
export class HitlessRig implements AsyncDisposable {
  readonly rig: FailoverRig;
  /** Video frames per second. */
  readonly rate: number;
  readonly #origins: ReadonlyMap<string, Origin>;
  readonly #watchers: Watcher[];
  readonly #tracks: Tracks;
  readonly #publisher: ChildProcess;
  readonly #pauses = new OwnPauses();

  private constructor(
    rig: FailoverRig,
    rate: number,
    parts: {
      readonly origins: readonly Origin[];
      readonly watchers: Watcher[];
      readonly tracks: Tracks;
      readonly publisher: ChildProcess;
    },
  ) {
    this.rig = rig;
    this.rate = rate;
    this.#origins = new Map(parts.origins.map((origin) => [origin.name, origin]));
    this.#watchers = parts.watchers;
    this.#tracks = parts.tracks;
    this.#publisher = parts.publisher;
  }

  /**
   * Starts everything, and returns when all players have the stream and the standby is ready.
   *
   * @param rate video frames per second
   */
  static async start(rate: number): Promise<HitlessRig> {
    const rig = await FailoverRig.create();
    const sample = await createSample(rig.directory, 1, rate);
    const tracks = readTracks(sample.file);
    const origins: Origin[] = [];
    for (const name of ["a", "b"]) {
      const namespace = rig.use(await NetworkNamespace.create());
      origins.push({ name, namespace, server: await rig.origin(name, { namespace }) });
    }
    const addresses = origins.map(({ server }) => addressOf(server));
    const vhost = edgeVhost(addresses);
    const entry = await rig.server("entry", vhost.replace("mode", "cluster { push all; } mode"));
    const one = await rig.server("one", vhost);
    const other = await rig.server("other", edgeVhost(addresses.toReversed()));
    const far = await rig.edge("far", [one]);
    const both = await rig.server("both", vhost.replace("mode", "cluster { standby on; } mode"));
    const publisher = await rig.publish(FFMPEG, sample, streamUrl(entry, STREAM));
    const watchers = await Promise.all(
      [one, other, far, both].map((server) => Watcher.open(server, tracks)),
    );
    const scene = new HitlessRig(rig, rate, { origins, watchers, tracks, publisher });
    await scene.#untilMore("players have the stream", 2 * rate);
    await scene.#untilReady(1);
    scene.#take();
    return scene;
  }

  /**
   * Takes an origin away for a while. Returns when it has the stream again.
   *
   * @returns what players saw, by edge, and how long the machine kept this process from its work
   */
  async strike(
    name: string,
    way: Way,
    awayMs: number,
  ): Promise<{ readonly seen: ReadonlyMap<string, Seen>; readonly pauseMs: number }> {
    this.#take();
    this.#pauses.takeLongestMs();
    const ready = this.#readyCount;
    const origin = this.#origins.get(name)!;
    const { port, process } = origin.server;
    if (way === "kill") await kill(origin.server);
    else if (way === "freeze") Deno.kill(process.pid, "SIGSTOP");
    else await origin.namespace.cut();
    await delay(awayMs);
    const { namespace } = origin;
    if (way === "kill") origin.server = await this.rig.origin(name, { namespace, port });
    else if (way === "freeze") Deno.kill(process.pid, "SIGCONT");
    else await namespace.restore();
    await this.#untilMore(`the stream continues after ${way} of ${name}`, 30);
    await this.#untilBack(origin);
    await this.#untilReady(ready + 1);
    await this.#untilMore(`the stream continues after ${way} of ${name}`, 15);
    return { seen: this.#take(), pauseMs: this.#pauses.takeLongestMs() };
  }

  /** @throws {Error} that describes all servers if `isTrue` is false */
  assert(isTrue: boolean, message: string): void {
    this.rig.assert(isTrue, message);
  }

  /** The publisher has not been disconnected. */
  get isPublishing(): boolean {
    return this.#publisher.status === undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pauses[Symbol.dispose]();
    for (const watcher of this.#watchers) await watcher.close();
    await this.rig[Symbol.asyncDispose]();
  }

  #take(): ReadonlyMap<string, Seen> {
    return new Map(this.#watchers.map((watcher) => [watcher.server.name, watcher.take()]));
  }

  get #readyCount(): number {
    return this.rig.readLog("both").filter((line) => line.includes("Standby ready")).length;
  }

  async #untilReady(count: number): Promise<void> {
    await this.rig.until("the standby is ready", () => this.#readyCount >= count);
  }

  async #untilMore(what: string, frames: number): Promise<void> {
    const goals = this.#watchers.map((watcher) => watcher.frames + frames);
    await this.rig.until(
      what,
      () => this.#watchers.every((watcher, index) => watcher.frames >= goals[index]!),
    );
  }

  /** Waits until a newcomer at the origin gets what the other players get. */
  async #untilBack({ name, server }: Origin): Promise<void> {
    const newcomer = await Watcher.open(server, this.#tracks);
    const isNear = () => {
      const behind = this.#watchers[0]!.place - newcomer.place;
      const { size } = this.#tracks.video;
      return newcomer.place >= 0 && (behind + size) % size < NEAR_FRAMES;
    };
    await this.rig.until(`${name} has the stream again`, isNear);
    await newcomer.close();
  }
}

function readTracks(file: string): Tracks {
  const frames = readFlv(Deno.readFileSync(file)).tags.filter(isFrame);
  const trackOf = (typeId: number) =>
    new LoopedTrack(
      frames.filter((frame) => frame.typeId === typeId).map(({ payload }) => payload),
    );
  return { video: trackOf(9), audio: trackOf(8) };
}

/** Returns length and FNV-1a hash of a frame. */
function keyOf(payload: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${payload.length}/${hash >>> 0}`;
}
