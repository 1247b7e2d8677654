/** An origin that copies its stream to nginx-rtmp and, over RTMPS with a key, to one of ours. */

import { CertificateAuthority } from "../helpers/certificates.ts";
import { countLost } from "../helpers/packet_match.ts";
import { freePort } from "../helpers/ports.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { addressOf, type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { type ArrivalClock, canRunPrograms, FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

const KEY = "SeCrEtKeY";
const GRACE_SECONDS = 4;

const isPossible = await canRunPrograms() && await hasProgram("nginx-rtmp") &&
  await hasProgram("openssl");

function sourceVhost(...destinations: readonly string[]): string {
  return `vhost __defaultVhost__ {
    min_latency on;
    cluster { tls_ca ca.crt; }
    publish { grace ${GRACE_SECONDS}s; }
    forward { enabled on; destination ${destinations.join(" ")}; }
  }`;
}

function framesOf(player: ChildProcess): string[] {
  return parseHashes(player.stdout);
}

/** Source, destinations, publisher and players. */
class Copies {
  readonly rig: FailoverRig;
  readonly sample: Sample;
  readonly #sinkPort = freePort();
  readonly #apiPort = freePort();
  sink!: RtmpServer;
  source!: RtmpServer;
  publisher!: ChildProcess;
  /** Player of nginx from the beginning. */
  atNginx!: ChildProcess;

  constructor(rig: FailoverRig, sample: Sample) {
    this.rig = rig;
    this.sample = sample;
  }

  get toSink(): string {
    return `rtmps://localhost:${this.#sinkPort}/live/${KEY}`;
  }

  async start(): Promise<void> {
    const { rig } = this;
    const ca = await CertificateAuthority.create(rig.directory);
    await ca.issue({ name: "sink" });
    const nginx = await rig.nginx("nginx");
    await this.startSink();
    const api = `http_api { enabled on; listen 127.0.0.1:${this.#apiPort}; }\n`;
    this.source = await rig.server("source", api + sourceVhost(addressOf(nginx), this.toSink));
    await this.publish();
    this.atNginx = rig.play(nginx, 60);
  }

  /** Starts the server with TLS, at the same ports when it is started again. */
  async startSink(): Promise<void> {
    const listen = `127.0.0.1:${this.#sinkPort}`;
    const place = this.sink === undefined ? {} : { port: this.sink.port };
    this.sink = await this.rig.server(
      "sink",
      `rtmps { enabled on; listen ${listen}; cert sink.crt; key sink.key; }
       vhost __defaultVhost__ { min_latency on; }`,
      place,
    );
  }

  async publish(): Promise<void> {
    const url = streamUrl(this.source, STREAM);
    this.publisher = await this.rig.publish(FFMPEG, this.sample, url);
  }

  /** Ends the publisher without the end of its stream. */
  async losePublisher(): Promise<void> {
    Deno.kill(this.publisher.pid, "SIGKILL");
    await this.publisher.stop();
  }

  /** Publishes that a server of ours has accepted since it was first started. */
  publishesAt(name: string): number {
    return this.rig.readLog(name).filter((line) => line.includes("Publish started")).length;
  }

  async reload(...destinations: readonly string[]): Promise<void> {
    const file = `${this.rig.directory}/source.conf`;
    const head = (await Deno.readTextFile(file)).split("vhost ")[0]!;
    await Deno.writeTextFile(file, head + sourceVhost(...destinations));
    Deno.kill(this.source.process.pid, "SIGHUP");
  }

  /** Asks the API of the source about its vhost. @returns the answer */
  async ask(method: string, path: string): Promise<{ code: number; data?: { id: string } }> {
    const base = `http://127.0.0.1:${this.#apiPort}/api/v1/vhosts`;
    const { vhosts: [vhost] } = await (await fetch(base)).json() as { vhosts: { id: string }[] };
    return await (await fetch(`${base}/${vhost!.id}/${path}`, { method })).json();
  }

  assertNoneLost(what: string, frames: readonly string[]): void {
    this.rig.assert(countLost(this.sample.videoHashes, frames) === 0, `frames lost at ${what}`);
  }
}

/** A destination that dies hurts no other; it has the stream again when it is back. */
async function checkDeadDestination(copies: Copies): Promise<ArrivalClock> {
  const { rig, atNginx } = copies;
  const atSink = rig.play({ ...copies.sink, name: "first sink" }, 60, KEY);
  await rig.until(
    "both destinations have the stream",
    () => framesOf(atNginx).length > 60 && framesOf(atSink).length > 60,
  );
  await kill(copies.sink);
  copies.assertNoneLost("the sink", framesOf(atSink));
  const count = framesOf(atNginx).length;
  await rig.until("nginx still gets the stream", () => framesOf(atNginx).length > count + 30);
  copies.assertNoneLost("nginx", framesOf(atNginx));
  await copies.startSink();
  const clock = await rig.watch(copies.sink, KEY);
  await rig.untilMore(clock, "the sink has the stream again", 30);
  const atSinkAgain = rig.play({ ...copies.sink, name: "second sink" }, 60, KEY);
  await rig.until("it has new frames", () => framesOf(atSinkAgain).length > 60);
  copies.assertNoneLost("the sink that is back", framesOf(atSinkAgain));
  return clock;
}

/** A publisher that returns within the grace continues the same publish at both. */
async function checkReturn(copies: Copies, clock: ArrivalClock): Promise<void> {
  const { rig } = copies;
  const count = copies.publishesAt("sink");
  await copies.losePublisher();
  await copies.publish();
  await rig.untilMore(clock, "the copy continues after the publisher's return", 60);
  rig.assert(copies.publishesAt("sink") === count, "the sink has another publish");
  rig.assert(clock.isTimeForward && !clock.isEnded, "the sink's player was disturbed");
  rig.assert(copies.atNginx.status === undefined, "nginx ended the stream");
}

/** Destinations change with a reload and over the API; those that stay notice nothing. */
async function checkChanges(copies: Copies, clock: ArrivalClock): Promise<void> {
  const { rig, atNginx } = copies;
  const count = copies.publishesAt("sink");
  const plain = await rig.origin("plain");
  await copies.reload(copies.toSink);
  const address = encodeURIComponent(addressOf(plain));
  const { data } = await copies.ask("POST", `forwards?destination=${address}`);
  const atPlain = await rig.watch(plain);
  await rig.untilMore(atPlain, "the new destination has the stream", 30);
  const countAtNginx = framesOf(atNginx).length;
  await copies.reload(copies.toSink);
  await rig.untilMore(clock, "the other copy continues", 30);
  await rig.untilMore(atPlain, "the destination outlives a reload", 30);
  // A few may have been on their way.
  rig.assert(framesOf(atNginx).length <= countAtNginx + 5, "nginx still gets the stream");
  const { code } = await copies.ask("DELETE", `forwards/${data!.id}`);
  rig.assert(code === 0, `the destination is not removed: code ${code}`);
  const hasEnded = () => rig.readLog("plain").some((line) => line.includes("Publish ended"));
  await rig.until("the removed copy has ended", hasEnded);
  const counts = ["sink", "plain"].map((name) => copies.publishesAt(name));
  rig.assert(String(counts) === String([count, 1]), `publishes at sink and plain: ${counts}`);
}

/** Beyond the grace, the copies end. */
async function checkEnd(copies: Copies): Promise<void> {
  const { rig } = copies;
  await copies.losePublisher();
  await rig.until(
    "the copy has ended",
    () => rig.readLog("sink").some((line) => line.includes("Publish ended")),
  );
  rig.assert(!rig.readLog("source").some((line) => line.includes(KEY)), "the log shows the key");
}

Deno.test({
  name:
    "copies of a stream outlast their destinations, their publisher, a reload and changes by API",
  ignore: !isPossible,
  async fn() {
    await using rig = await FailoverRig.create();
    const copies = new Copies(rig, await createSample(rig.directory, 1));
    await copies.start();
    const clock = await checkDeadDestination(copies);
    await checkReturn(copies, clock);
    await checkChanges(copies, clock);
    await checkEnd(copies);
  },
});
