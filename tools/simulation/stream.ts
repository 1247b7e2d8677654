import type { CancelTimer } from "../../lib/base/clock.ts";
import type { OriginAddress } from "../../lib/config/config.ts";
import { type DemandEvent, OnDemand } from "../../lib/edge/on_demand.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { OriginLoop } from "../../lib/upstream/origin_loop.ts";
import { SimulatedPull } from "./pull.ts";
import type { ServerState, SimulatedServer } from "./server.ts";

/**
 * One stream on a simulated server: the real decision when to pull, and the real order in which
 * origins are tried. An origin has the stream for as long as it is up.
 */
export class SimulatedStream {
  readonly server: SimulatedServer;
  readonly number: number;
  readonly #pulls = new Set<SimulatedPull>();
  readonly #demand: OnDemand | null;
  #players = 0;
  #loop: OriginLoop | null = null;
  /** Feeds the stream, or did last and is still connected. */
  #active: SimulatedPull | null = null;
  /** Is being tried. */
  #candidate: SimulatedPull | null = null;
  #isLive: boolean;
  /** Since when its players see nothing. */
  #silentSinceMs: number;
  #cancelLinger: CancelTimer | null = null;

  constructor(server: SimulatedServer, number: number) {
    const { clock, settings } = server.world;
    this.server = server;
    this.number = number;
    this.#silentSinceMs = clock.now();
    this.#isLive = server.origins === null;
    this.#demand = server.origins === null ? null : new OnDemand(() => settings.lingerMs);
  }

  /** What edges ask for. */
  get request(): StreamRequest {
    return this.server.world.request(this.number);
  }

  /** Whether media flows. */
  get isLive(): boolean {
    return this.#isLive && this.server.state === "up";
  }

  get playerCount(): number {
    return this.#players;
  }

  /** Edges that it feeds. */
  get pullCount(): number {
    return this.#pulls.size;
  }

  /** Which server feeds it, or null. */
  get source(): SimulatedServer | null {
    return this.#active !== null && this.#active.isFeeding ? this.#active.upstream : null;
  }

  addPlayers(count: number): void {
    if (this.#players === 0) this.#silentSinceMs = this.server.world.clock.now();
    this.#players += count;
    if (this.isLive) this.server.world.audience.onPlaying(count, 0);
    this.#step("wanted");
  }

  addPull(pull: SimulatedPull): void {
    this.#pulls.add(pull);
    this.server.edgeCount++;
    this.#step("wanted");
  }

  removePull(pull: SimulatedPull): void {
    if (!this.#pulls.delete(pull)) return;
    this.server.edgeCount--;
    if (this.#pulls.size === 0 && this.#players === 0) this.#step("unwanted");
  }

  /** A pull brings media, for the first time or again. Whichever does first feeds the stream. */
  onMedia(pull: SimulatedPull): void {
    if (pull === this.#candidate) {
      this.#active?.stop();
      this.#active = pull;
      this.#candidate = null;
      this.#loop!.succeeded();
    } else if (this.#candidate !== null) {
      this.#candidate.stop();
      this.#candidate = null;
      this.#loop!.returnedTo(pull.upstream.address);
    }
    this.#step("media");
    this.#setLive(true);
  }

  /** A pull brings nothing any longer. */
  onSilent(pull: SimulatedPull): void {
    if (pull === this.#active) this.#setLive(false);
  }

  onPullEnded(pull: SimulatedPull): void {
    if (pull === this.#candidate) this.#candidate = null;
    if (pull !== this.#active) return;
    this.#active = null;
    this.#setLive(false);
    this.#step("lost");
  }

  /** The server was killed, or its host is lost. */
  onServerGone(state: ServerState): void {
    if (this.#demand !== null) this.#setLive(false);
    for (const pull of [...this.#pulls]) pull.onServerGone(state);
  }

  #setLive(isLive: boolean): void {
    if (this.#isLive === isLive) return;
    const { clock, audience } = this.server.world;
    this.#isLive = isLive;
    if (isLive) {
      if (this.#players > 0) audience.onPlaying(this.#players, clock.now() - this.#silentSinceMs);
    } else {
      this.#silentSinceMs = clock.now();
      if (this.#players > 0) audience.onSilent(this.#players);
    }
    for (const pull of [...this.#pulls]) pull.onUpstreamChanged();
  }

  #step(event: DemandEvent): void {
    if (this.#demand === null) return;
    const { clock } = this.server.world;
    const action = this.#demand.step(event, clock.now());
    if (action === "start") this.#start();
    if (action === "stop") this.#stop();
    this.#cancelLinger?.();
    const { deadlineMs } = this.#demand;
    this.#cancelLinger = deadlineMs === null
      ? null
      : clock.after(deadlineMs - clock.now(), () => this.#step("tick"));
  }

  #start(): void {
    const { origins, world } = this.server;
    const loop = new OriginLoop({
      origins: origins!,
      streamName: this.request.name,
      clock: world.clock,
      random: world.random,
      attempt: (origin) => this.#attempt(origin),
      onFailed: () => {},
      onRoundFailed: () => {},
    });
    this.#loop = loop;
    loop.run();
  }

  /** As the real puller: a silent origin is kept while another is tried. */
  async #attempt(origin: OriginAddress): Promise<void> {
    const { world } = this.server;
    if (this.#active?.upstream.address === origin) throw new Error("Still silent");
    const candidate = new SimulatedPull(this, world.find(origin));
    this.#candidate = candidate;
    candidate.start();
    await candidate.watch();
    for (let pull = this.#active; pull !== null; pull = this.#active) await pull.watch();
  }

  #stop(): void {
    this.#loop?.stop();
    this.#loop = null;
    const pulls = [this.#active, this.#candidate];
    [this.#active, this.#candidate] = [null, null];
    for (const pull of pulls) pull?.stop();
    this.#setLive(false);
  }
}
