/**
 * Runs the fleet of `deploy/kubernetes/base` with podman, in the network namespace that this
 * process is in: two origins, two mids, four leaves. Restarts every server but the leaf of the
 * encoder, one after the other, as a rolling update does, and kills an origin. Players of leaves
 * that are not restarted must lose no frame. Arguments: the image, then how podman is called.
 */

import { parseAll, stringify } from "@std/yaml";
import { FrameCheck, FrameLedger, isFrame } from "../lib/demo/frame_check.ts";
import { LoopedSample } from "../lib/demo/looped_sample.ts";
import { RtmpClient } from "../tests/helpers/rtmp_client.ts";
import { delay, until } from "../tests/helpers/until.ts";

const [IMAGE, ...PODMAN] = Deno.args as [string, ...string[]];
const BASE = new URL("../deploy/kubernetes/base/", import.meta.url);
const TIERS = ["origin", "mid", "leaf"] as const;
/** The engine keeps networks beside its storage, where another run may have left one. */
const NETWORK = `edge-fleet-${Deno.pid}`;
/** What the pods take the password of the API from. */
const SECRET = "edge-api";
const PORT = 1935;

/** Shorter than in production: one pod after the other is waited for. Players of a leaf stay. */
function environmentOf(tier: string): Readonly<Record<string, string>> {
  return {
    SRS_GRACE_START_WAIT: "500ms",
    SRS_GRACE_FINAL_WAIT: "100ms",
    SRS_DRAIN_TIMEOUT: tier === "leaf" ? "2s" : "15s",
  };
}

const STOP_SECONDS = 20;
const WAIT = { timeoutMs: 90_000, everyMs: 100 };

/** The tier below has asked for the names again: `minReadySeconds` of the engine. */
const SETTLE_MS = 6_000;

/** Lines of each server's log that a failure shows. */
const LOG_LINES = 40;

/** Frames that every player gets after an event before it is judged. */
const FRAMES_AFTER = 50;

/** An object of Kubernetes; only what is changed here is named. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly metadata: unknown; readonly spec: PodSpec };
  };
}

interface PodSpec {
  readonly containers: readonly [Container];
}

interface Container {
  readonly env: readonly unknown[];
}

/** A player of one leaf. */
interface Player {
  readonly leaf: string;
  readonly client: RtmpClient;
  readonly check: FrameCheck;
}

async function podman(args: readonly string[], input = ""): Promise<string> {
  const [program, ...options] = PODMAN;
  const command = new Deno.Command(program!, {
    args: [...options, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`podman ${args.join(" ")}: ${errors}`);
  return args[0] === "logs" ? `${output}${errors}`.trim() : output!.trim();
}

/**
 * The engine has no probes over HTTP without a program for them in the image, and takes ports of a
 * container as ports of the host.
 */
function adapt(spec: PodSpec, tier: string): PodSpec {
  const [{ env, ...container }] = spec.containers;
  const kept = Object.entries(container).filter(([key]) => !/Probe$|^ports$/.test(key));
  const changed = {
    ...Object.fromEntries(kept),
    image: IMAGE,
    imagePullPolicy: "Never",
    env: [...env, ...Object.entries(environmentOf(tier)).map(([name, value]) => ({ name, value }))],
  };
  return { ...spec, containers: [changed as unknown as Container] };
}

/** A pod, as the engine plays it. */
interface Pod {
  readonly tier: string;
  readonly name: string;
  readonly yaml: string;
}

/**
 * Returns the pods of a tier, a Deployment each: the engine has no Services and no
 * StatefulSets, and gives pods that name a volume alike one volume together.
 */
function podsOf(tier: string): Pod[] {
  const manifests = parseAll(Deno.readTextFileSync(new URL(`${tier}.yaml`, BASE))) as Manifest[];
  const { metadata, spec, ...rest } = manifests
    .find(({ kind }) => kind === "Deployment" || kind === "StatefulSet")!;
  const { template } = spec;
  return Array.from({ length: spec.replicas }, (_, number) => {
    const name = `${metadata.name}-${number}`;
    const deployment = {
      ...rest,
      kind: "Deployment",
      metadata: { ...metadata, name },
      spec: { ...spec, replicas: 1, template: { ...template, spec: adapt(template.spec, tier) } },
    };
    const config = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "edge-config" },
      data: { [`${tier}.conf`]: Deno.readTextFileSync(new URL(`${tier}.conf`, BASE)) },
    };
    const text = [config, deployment].map((object) => stringify(object)).join("---\n");
    const yaml = text.replaceAll(/\b(edge-config|work)$/gm, `$1-${name}`);
    return { tier, name: `${name}-pod-0`, yaml };
  });
}

/** An alias that several pods have is a headless Service. */
async function start({ tier, yaml }: Pod): Promise<void> {
  await podman(["kube", "play", "--network", `${NETWORK}:alias=edge-${tier}`, "-"], yaml);
}

/** The engine takes a pod's network away as soon as the pod stops, so the container stops first. */
async function restart(pod: Pod): Promise<void> {
  await podman(["stop", "--time", String(STOP_SECONDS), `${pod.name}-edge`]);
  await podman(["pod", "rm", "--force", pod.name]);
  await start(pod);
  await listeningAddressOf(pod.name);
}

/** Returns the address of a pod, once it listens. */
async function listeningAddressOf(pod: string): Promise<string> {
  const infra = await podman(["pod", "inspect", pod, "--format", "{{.InfraContainerID}}"]);
  const format = `{{(index .NetworkSettings.Networks "${NETWORK}").IPAddress}}`;
  const hostname = await podman(["inspect", infra, "--format", format]);
  await until(`${pod} listens`, async () => {
    const connection = await Deno.connect({ hostname, port: PORT }).catch(() => null);
    connection?.close();
    return connection !== null;
  }, WAIT);
  return hostname;
}

/** Publishes the sample at a leaf, until the process ends. */
async function startEncoder(leaf: string): Promise<FrameLedger> {
  const ledger = new FrameLedger();
  const sample = new LoopedSample();
  const hostname = await listeningAddressOf(leaf);
  // Again and again, as an encoder does: the tiers above may not have found each other yet.
  const client = await until(
    "the encoder publishes",
    () => RtmpClient.publish(PORT, "show", { hostname }).catch(() => undefined),
    WAIT,
  );
  const startMs = performance.now();
  setInterval(() => {
    for (const tag of sample.takeDue(performance.now() - startMs)) {
      ledger.record(tag);
      client.push(tag);
    }
  }, 10);
  return ledger;
}

async function play(leaf: string, ledger: FrameLedger): Promise<Player> {
  const hostname = await listeningAddressOf(leaf);
  const client = await RtmpClient.play(PORT, "show", { hostname });
  const check = new FrameCheck(ledger);
  client.onMediaMessage = (message) => {
    if (isFrame(message)) check.accept(message);
  };
  return { leaf, client, check };
}

/** Waits until all players got more frames. */
async function untilMore(players: readonly Player[]): Promise<void> {
  const goals = players.map(({ check }) => check.counts.frames + FRAMES_AFTER);
  const haveAll = () => players.every(({ check }, index) => check.counts.frames >= goals[index]!);
  await until("players get frames", haveAll, WAIT);
}

/**
 * Does something to a pod, and says what players of other leaves saw.
 *
 * @returns whether all is well
 */
async function judge(
  name: string,
  pod: string,
  players: readonly Player[],
  action: () => Promise<unknown>,
): Promise<boolean> {
  const others = players.filter(({ leaf }) => leaf !== pod);
  const before = others.map(({ check }) => check.counts);
  await action();
  await untilMore(others);
  const seen = others.map(({ client, check: { counts } }, index) => ({
    ended: client.isEnded ? 1 : 0,
    lost: counts.lost - before[index]!.lost,
    twice: counts.duplicated + counts.foreign - before[index]!.duplicated - before[index]!.foreign,
  }));
  const sum = (key: "ended" | "lost" | "twice") => seen.reduce((all, each) => all + each[key], 0);
  const [ended, lost, twice] = [sum("ended"), sum("lost"), sum("twice")];
  say(`${name.padEnd(32)} ${ended} disconnected, ${lost} lost, ${twice} twice`);
  return ended + lost + twice === 0;
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

/** Prints how the log of each server ends. */
async function showLogs(pods: readonly Pod[]): Promise<void> {
  for (const { name } of pods) {
    const command = ["logs", "--tail", String(LOG_LINES), `${name}-edge`];
    say(`-- ${name}\n${await podman(command).catch(String)}`);
  }
}

async function run(pods: readonly Pod[]): Promise<boolean> {
  await podman(["network", "create", NETWORK]);
  // The engine reads a Secret that is part of the file in another form than it writes it.
  await podman(["secret", "create", SECRET, "-"], `{"password":"${btoa("a password")}"}`);
  for (const pod of pods) await start(pod);
  say(`running: ${pods.map(({ name }) => name).join(" ")}`);
  const leaves = pods.filter(({ tier }) => tier === "leaf").map(({ name }) => name);
  const ledger = await startEncoder(leaves[0]!);
  let players = await Promise.all(leaves.map((leaf) => play(leaf, ledger)));
  await untilMore(players);
  let isWell = true;
  for (const pod of pods.filter(({ name }) => name !== leaves[0])) {
    isWell = await judge(`${pod.name} restarts`, pod.name, players, () => restart(pod)) && isWell;
    if (pod.tier !== "leaf") await delay(SETTLE_MS);
    const left = players.filter(({ leaf }) => leaf !== pod.name);
    if (left.length < players.length) players = [...left, await play(pod.name, ledger)];
    await untilMore(players);
  }
  const { name } = pods[0]!;
  const kill = () => podman(["kill", "--signal", "KILL", `${name}-edge`]);
  return await judge(`${name} is killed`, name, players, kill) && isWell;
}

const pods = TIERS.flatMap(podsOf);
let isWell = false;
try {
  isWell = await run(pods);
} catch (error) {
  say(String(error));
} finally {
  if (!isWell) await showLogs(pods);
  await podman(["network", "rm", "--force", NETWORK]);
  await podman(["secret", "rm", SECRET]);
}
Deno.exit(isWell ? 0 : 1);
