import type { Clock } from "../base/clock.ts";
import type { Leg } from "./leg.ts";

/** Something that happens to a server of the demo. */
export interface SceneEvent {
  /** `origin 1`, `origin 1 killed`. */
  readonly name: string;
  /** Settles when it is over. @returns what it cost, for the table; empty for nothing */
  run(): Promise<string>;
}

/** Options of {@linkcode Scene}. */
interface SceneOptions {
  /** The first one is published to. */
  readonly legs: readonly Leg[];
  /** What the demo says before it begins. */
  readonly setup: string;
  /** What the events are: `restarts`. */
  readonly noun: string;
  /** Happen one after the other, again and again. */
  readonly events: readonly SceneEvent[];
  readonly clock: Pick<Clock, "after">;
}

/** Time before each event, in ms. */
const PAUSE_MS = 1_500;

/** Events whose cost the table shows. */
const SHOWN_EVENTS = 4;

/** A tree of servers, and what happens to them until the scene is told to finish. */
export class Scene {
  readonly #options: SceneOptions;
  readonly #costs: string[] = [];
  #running: Promise<void> | null = null;
  #isFinishing = false;
  #note: string;
  /** Events so far. */
  count = 0;
  /** An event is happening. */
  isBusy = false;

  constructor(options: SceneOptions) {
    this.#options = options;
    this.#note = `${options.noun}: 0`;
  }

  get legs(): readonly Leg[] {
    return this.#options.legs;
  }

  get setup(): string {
    return this.#options.setup;
  }

  /** `4 restarts` */
  get summary(): string {
    return `${this.count} ${this.#options.noun}`;
  }

  /** The newest costs, and what is happening, for the table. */
  get notes(): readonly string[] {
    return [...this.#costs, this.#note];
  }

  begin(): void {
    this.#running = this.#run();
  }

  /** Begins no further event. */
  finish(): void {
    this.#isFinishing = true;
  }

  /** Settles when the last event is over. */
  async end(): Promise<void> {
    this.finish();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { events, noun, clock } = this.#options;
    for (let index = 0; !this.#isFinishing; index++) {
      await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
      if (this.#isFinishing) return;
      const event = events[index % events.length]!;
      this.isBusy = true;
      this.#note = `${noun}: ${this.count}, now ${event.name}`;
      const cost = await event.run();
      this.isBusy = false;
      this.#note = `${noun}: ${++this.count}, last ${event.name}`;
      if (cost === "") continue;
      this.#costs.push(`${event.name}: ${cost}`);
      if (this.#costs.length > SHOWN_EVENTS) this.#costs.shift();
    }
  }
}
