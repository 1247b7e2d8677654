import type { Clock } from "../base/clock.ts";
import type { DemoNetwork, DemoPublisher, DemoServer } from "./demo_parts.ts";
import { startFailoverScene } from "./failover_scene.ts";
import { FrameLedger, type MediaMessage } from "./frame_check.ts";
import { createLeg, type Leg } from "./leg.ts";
import { LoopedSample } from "./looped_sample.ts";
import { RateMeter } from "./rate_meter.ts";
import { startRestartScene } from "./restart_scene.ts";
import type { Scene } from "./scene.ts";
import { createDisplay, type LegRow, type Snapshot, type TableDisplay } from "./table.ts";

/** What happens in the demo. */
export type DemoScene = "relay" | "failover" | "restart";

/** Options of {@linkcode runDemo}. */
interface DemoOptions {
  readonly network: DemoNetwork;
  readonly clock: Pick<Clock, "now" | "after">;
  /** How long to publish, in seconds; 15 when absent, 30 where servers are lost or restarted. */
  readonly seconds?: number;
  /**
   * `relay` when absent. `failover`: origins are killed and frozen. `restart`: servers are
   * restarted one after the other.
   */
  readonly scene?: DemoScene;
  /** Shows a page in the browser. */
  readonly open?: (url: string) => void;
  readonly write: (text: string) => void;
  /** Whether the table may be redrawn in place. */
  readonly isTerminal: boolean;
  /** Ends the demo early. */
  readonly signal: AbortSignal;
}

const DEFAULT_DEMO_SECONDS = 15;
const DEFAULT_SCENE_SECONDS = 30;

const STREAM = "live/demo";
/** Shorter than a frame of the sample, so that frames are sent on time. */
const TICK_MS = 20;
const REDRAW_MS = 250;
/** The demo fails if a player has no frame this long after the first one was published. */
const START_TIMEOUT_MS = 5000;
/** How long the last frames may take to reach all players. */
const DRAIN_TIMEOUT_MS = 5000;

/** The encoder and what it has sent. */
interface Encoder {
  readonly publisher: DemoPublisher;
  readonly ledger: FrameLedger;
  readonly rate: RateMeter;
  sentBytes: number;
}

/**
 * Runs `edge demo`. An encoder publishes the built-in sample to an edge, which pushes it to its
 * origin. A second edge pulls it from the first. Players at all three check every frame.
 *
 * ```
 *   encoder ─▶ edge ─▶ origin
 *               └────▶ edge 2
 * ```
 *
 * For the other scenes see {@linkcode startFailoverScene} and {@linkcode startRestartScene}.
 *
 * @returns whether every player received every frame from its first one on, once and unchanged.
 * @throws what the network throws when a server does not start or refuses a connection.
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  await using resources = new AsyncDisposableStack();
  const { network, write } = options;
  const ledger = new FrameLedger();
  const scene = await startScene(options, ledger, resources);
  const legs = scene?.legs ?? await startLegs(network, ledger, resources);
  const publisher = await network.publish(urlOf(legs[0]!));
  resources.defer(() => publisher.close());
  write(scene?.setup ?? describeSetup(legs));
  showPages(options, legs[0]!);

  const encoder = { publisher, ledger, rate: new RateMeter(), sentBytes: 0 };
  await new DemoRun(options, encoder, legs, scene).run(resources);
  const problems = legs.flatMap(describeProblems);
  const success = scene === null ? "" : `${scene.summary}: `;
  write(problems.length === 0 ? describeSuccess(legs, success) : problems.join(""));
  return problems.length === 0;
}

/** The part of the demo that sends frames. */
class DemoRun {
  readonly #options: DemoOptions;
  readonly #encoder: Encoder;
  readonly #legs: readonly Leg[];
  readonly #scene: Scene | null;
  readonly #display: TableDisplay;
  readonly #startMs: number;
  #drawnMs = 0;
  #hasFailed = false;

  constructor(
    options: DemoOptions,
    encoder: Encoder,
    legs: readonly Leg[],
    scene: Scene | null,
  ) {
    this.#options = options;
    this.#encoder = encoder;
    this.#legs = legs;
    this.#scene = scene;
    this.#display = createDisplay(options);
    this.#startMs = options.clock.now();
  }

  /**
   * Publishes and plays at the same time: a server may accept a player only once there are frames.
   */
  async run(resources: AsyncDisposableStack): Promise<void> {
    const publishing = this.#publish();
    try {
      await startPlayers(this.#options, this.#legs, resources);
      this.#scene?.begin();
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      await publishing;
    }
    await this.#scene?.end();
    await this.#drain();
    this.#display.finish(this.#snapshot());
  }

  async #publish(): Promise<void> {
    const defaultSeconds = this.#scene === null ? DEFAULT_DEMO_SECONDS : DEFAULT_SCENE_SECONDS;
    const { signal, seconds = defaultSeconds } = this.#options;
    const sample = new LoopedSample();
    // An event that has begun is shown to its end.
    while ((this.#elapsedMs < seconds * 1000 && !signal.aborted) || this.#scene?.isBusy) {
      if (this.#elapsedMs >= seconds * 1000 || signal.aborted) this.#scene?.finish();
      this.#sampleRates();
      for (const tag of sample.takeDue(this.#elapsedMs)) this.#push(tag);
      await this.#tick();
      const isSilent = this.#elapsedMs > START_TIMEOUT_MS && this.#legs.some(hasSilentPlayer);
      if (this.#hasFailed || isSilent) return;
    }
  }

  #push(message: MediaMessage): void {
    const { publisher, ledger } = this.#encoder;
    ledger.record(message);
    this.#encoder.sentBytes += message.payload.length;
    publisher.push(message.typeId, message.timestampMs, message.payload);
  }

  async #drain(): Promise<void> {
    const deadlineMs = this.#elapsedMs + DRAIN_TIMEOUT_MS;
    while (this.#legs.some(isBehind) && this.#elapsedMs < deadlineMs) await this.#tick();
  }

  async #tick(): Promise<void> {
    if (this.#elapsedMs - this.#drawnMs >= REDRAW_MS) {
      this.#drawnMs = this.#elapsedMs;
      this.#display.show(this.#snapshot());
    }
    await new Promise<void>((resolve) => this.#options.clock.after(TICK_MS, resolve));
  }

  /** Samples only while frames are sent, so that the last table shows the rates of the stream. */
  #sampleRates(): void {
    this.#encoder.rate.sample(this.#elapsedMs, this.#encoder.sentBytes);
    for (const { players, rate } of this.#legs) {
      const bytes = players.map(({ check }) => check.counts.bytes);
      rate.sample(this.#elapsedMs, Math.min(...bytes));
    }
  }

  #snapshot(): Snapshot {
    return {
      elapsedMs: this.#elapsedMs,
      rows: [encoderRow(this.#encoder), ...this.#legs.map(legRow)],
      notes: this.#scene?.notes ?? [],
    };
  }

  get #elapsedMs(): number {
    return this.#options.clock.now() - this.#startMs;
  }
}

/** Starts the servers of a scene other than `relay`. */
async function startScene(
  options: DemoOptions,
  ledger: FrameLedger,
  resources: AsyncDisposableStack,
): Promise<Scene | null> {
  switch (options.scene ?? "relay") {
    case "failover":
      return await startFailoverScene(options, ledger, resources);
    case "restart":
      return await startRestartScene(options, ledger, resources);
    case "relay":
      return null;
  }
}

/** Links to the console and to a page that plays the stream. */
function showPages({ write, open }: DemoOptions, { server: { webUrl } }: Leg): void {
  if (webUrl === null) return;
  const pages = [`${webUrl}/console/`, `${webUrl}/play/${STREAM}`];
  write(`In the browser:\n${pages.map((page) => `  ${page}\n`).join("")}\n`);
  if (open !== undefined) pages.forEach(open);
}

/** Starts the edge that is published to, the edge behind it, and the origin. */
async function startLegs(
  network: DemoNetwork,
  ledger: FrameLedger,
  resources: AsyncDisposableStack,
): Promise<Leg[]> {
  async function start(
    name: string,
    upstream: DemoServer | undefined,
    playerCount: number,
  ): Promise<Leg> {
    const origins = upstream === undefined ? [] : [`127.0.0.1:${upstream.port}`];
    const server = await network.startServer({ origins, hasWeb: name === "edge" });
    resources.defer(() => server.stop());
    return createLeg(name, server, { playerCount, ledger });
  }
  const origin = await start("origin", undefined, 1);
  const edge = await start("edge", origin.server, 2);
  const edge2 = await start("edge 2", edge.server, 3);
  return [edge, edge2, origin];
}

/**
 * Opens all players at once. `resources` then holds those that were accepted, even if others were
 * not.
 */
async function startPlayers(
  { network, clock }: DemoOptions,
  legs: readonly Leg[],
  resources: AsyncDisposableStack,
): Promise<void> {
  const starts = legs.flatMap((leg) =>
    leg.players.map(({ check, silence }) =>
      network.play(urlOf(leg), (message) => {
        check.accept(message);
        silence.note(clock.now());
      })
    )
  );
  const results = await Promise.allSettled(starts);
  for (const result of results) {
    if (result.status === "fulfilled") resources.defer(() => result.value.close());
  }
  for (const result of results) {
    if (result.status === "rejected") throw result.reason;
  }
}

function urlOf(leg: Leg): string {
  return `rtmp://127.0.0.1:${leg.server.port}/${STREAM}`;
}

function hasSilentPlayer(leg: Leg): boolean {
  return leg.players.some(({ check }) => check.counts.frames === 0);
}

function isBehind(leg: Leg): boolean {
  return leg.players.some(({ check }) => check.pending > 0);
}

function encoderRow({ ledger, rate }: Encoder): LegRow {
  return { leg: "encoder → edge", frames: ledger.count, kbps: rate.kbps };
}

/** Faults of all players of the server; frames and rate of the one with the fewest. */
function legRow({ name, server, players, rate }: Leg): LegRow {
  const counts = players.map(({ check }) => check.counts);
  return {
    leg: `${name} → ${describePlayers(players.length)}`,
    frames: Math.min(...counts.map(({ frames }) => frames)),
    kbps: rate.kbps,
    ...server.stats(),
    lost: sum(counts.map(({ lost }) => lost)),
    duplicated: sum(counts.map(({ duplicated }) => duplicated)),
  };
}

function describeSetup(legs: readonly Leg[]): string {
  const urls = legs.map((leg) => `  ${leg.name.padEnd(8)}${urlOf(leg)}\n`).join("");
  return "An encoder publishes to an edge, which pushes to its origin;\n" +
    `a second edge pulls from the first. Play any of these URLs:\n${urls}\n`;
}

function describeSuccess(legs: readonly Leg[], prefix: string): string {
  const playerCount = sum(legs.map((leg) => leg.players.length));
  return `\nOK: ${prefix}all ${playerCount} players got every frame once, unchanged.\n`;
}

/** Returns one line per fault of a player of the server. */
function describeProblems({ name, players }: Leg): string[] {
  return players.flatMap(({ check }, index) => {
    const player = `\nFAILED: ${name}, player ${index + 1}: `;
    const { frames, lost, duplicated, foreign } = check.counts;
    if (frames === 0) return [`${player}no frame arrived\n`];
    const faults = [
      [lost, "lost"],
      [check.pending, "missing at the end"],
      [duplicated, "duplicated"],
      [foreign, "not as published"],
    ] as const;
    return faults.flatMap(([count, what]) =>
      count === 0 ? [] : [`${player}${describeFrames(count)} ${what}\n`]
    );
  });
}

function describePlayers(count: number): string {
  return count === 1 ? "1 player" : `${count} players`;
}

function describeFrames(count: number): string {
  return count === 1 ? "1 frame" : `${count} frames`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
