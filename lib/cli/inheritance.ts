import type { WrittenForward } from "../config/added_forwards.ts";
import type { ServerView } from "../monitor/server_view.ts";
import type { Ban } from "../server/bans.ts";
import type { Reloader } from "./reloader.ts";

/** What a replaced process passes on besides its streams: what it was told over the API. */
export interface PassedOn {
  readonly bans: readonly Ban[];
  readonly forwards: readonly WrittenForward[];
}

/** Collects what this process passes on to the one that replaces it, and takes what it was left. */
export class Inheritance {
  readonly #view: Pick<ServerView, "bans" | "ban">;
  readonly #reloader: Pick<Reloader, "forwards" | "reload">;

  constructor(
    view: Pick<ServerView, "bans" | "ban">,
    reloader: Pick<Reloader, "forwards" | "reload">,
  ) {
    this.#view = view;
    this.#reloader = reloader;
  }

  /** Returns what is in force here. */
  async collect(): Promise<PassedOn> {
    return { bans: await this.#view.bans(), forwards: this.#reloader.forwards.written };
  }

  /** Adds it to what is in force here. */
  async take({ bans, forwards }: PassedOn): Promise<void> {
    await this.#view.ban(bans);
    if (forwards.length === 0) return;
    const added = this.#reloader.forwards;
    for (const { vhost, destination } of forwards) added.add(vhost, destination);
    await this.#reloader.reload("destinations of the replaced process");
  }
}
