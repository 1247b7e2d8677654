/**
 * Runs real encoders and players through a group of servers, all at once, and reports each of them
 * as a test step. A program that is not installed is an ignored step.
 */

import { describeMismatch } from "../helpers/packet_match.ts";
import { hasProgram } from "../helpers/programs.ts";
import { streamUrl } from "../helpers/servers.ts";
import type { RtmpServer } from "../helpers/servers.ts";
import { interopSeconds } from "../helpers/settings.ts";
import { watch } from "./players.ts";
import type { Player } from "./players.ts";
import { publish } from "./publishers.ts";
import type { Publisher } from "./publishers.ts";
import { createSample } from "./sample.ts";
import type { Sample } from "./sample.ts";

/** One publisher, and the players of its stream. */
export interface Flow {
  readonly publisher: Publisher;
  readonly to: RtmpServer;
  readonly watched: readonly { readonly at: RtmpServer; readonly by: readonly Player[] }[];
}

/** Options of {@linkcode runFlows}. */
interface FlowOptions {
  readonly flows: readonly Flow[];
  /** Every server that the flows run through, for failure messages. */
  readonly servers: readonly RtmpServer[];
  /** Folder for the sample and the players' files. */
  readonly directory: string;
}

/** Runs all flows concurrently and checks every publisher and player. */
export async function runFlows(t: Deno.TestContext, options: FlowOptions): Promise<void> {
  const seconds = interopSeconds();
  const sample = await createSample(options.directory, seconds);
  const runs = options.flows.map((flow, index) =>
    runFlow(flow, { directory: options.directory, stream: `flow${index}`, sample, seconds })
  );
  const results = (await Promise.all(runs)).flat();
  const servers = options.servers.map((server) => server.process.describe()).join("\n");
  for (const { name, outcome } of results) {
    await t.step({ name, ignore: outcome.type === "skipped", fn: () => check(outcome, servers) });
  }
}

interface Run {
  readonly directory: string;
  readonly stream: string;
  readonly sample: Sample;
  readonly seconds: number;
}

interface Result {
  /** The expectation, in words. */
  readonly name: string;
  readonly outcome: Outcome;
}

type Outcome =
  | { readonly type: "passed" }
  | { readonly type: "skipped" }
  | { readonly type: "failed"; readonly reason: string };

async function runFlow(flow: Flow, run: Run): Promise<Result[]> {
  const { publisher, to } = flow;
  const viewers = flow.watched.flatMap(({ at, by }) => by.map((player) => ({ at, player })));
  const source = `${publisher.name} to ${to.name}`;
  const publishing = `${source}: publishes all the time`;
  const playing = viewers.map(({ at, player }) => `${source}: ${player.name} at ${at.name}`);
  const skipped = playing.map((name) => ({ name, outcome: { type: "skipped" } as const }));
  if (!await hasProgram(publisher.name)) {
    return [{ name: publishing, outcome: { type: "skipped" } }, ...skipped];
  }
  try {
    const url = streamUrl(to, run.stream);
    await using process = await publish(publisher, { sample: run.sample, url });
    const outcomes = await Promise.all(viewers.map(({ at, player }) => play(player, at, run)));
    const hasEnded = process.status !== undefined;
    return [
      { name: publishing, outcome: hasEnded ? failed(process.describe()) : { type: "passed" } },
      ...viewers.map((_, index) => ({ name: playing[index]!, outcome: outcomes[index]! })),
    ];
  } catch (error) {
    return [{ name: publishing, outcome: failed(error) }, ...skipped];
  }
}

async function play(player: Player, at: RtmpServer, run: Run): Promise<Outcome> {
  if (!await hasProgram(player.name)) return { type: "skipped" };
  const { stream, sample, seconds } = run;
  const url = streamUrl(at, stream);
  const dumpFile = `${run.directory}/${stream} ${at.name} ${player.name}.flv`;
  try {
    const hashes = await watch(player, { url, seconds, sample, dumpFile });
    const mismatch = describeMismatch(sample.videoHashes, hashes);
    if (mismatch !== undefined) return failed(`${mismatch}, of ${hashes.length} watched`);
    const wanted = seconds * sample.packetsPerSecond;
    return hashes.length < wanted
      ? failed(`only ${hashes.length} of ${wanted} video packets`)
      : { type: "passed" };
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): Outcome {
  return { type: "failed", reason: error instanceof Error ? error.message : String(error) };
}

function check(outcome: Outcome, servers: string): void {
  if (outcome.type === "failed") throw new Error(`${outcome.reason}\n${servers}`);
}
