import type { Config } from "./config.ts";
import type { ForwardDestination } from "./forward_config.ts";
import { parseDestination } from "./forward_values.ts";

/** A destination of `forward` that was added to those of the configuration. */
export interface AddedForward {
  /** `f1`, `f2`, … */
  readonly id: string;
  /** Name of the vhost. */
  readonly vhost: string;
  readonly destination: ForwardDestination;
}

/** The same as it was written. Its path is a secret. */
export interface WrittenForward {
  readonly vhost: string;
  readonly destination: string;
}

/** Most destinations that may be added. */
const MAX_ADDED = 1_000;

/**
 * Destinations that are added and removed while the server runs. They are laid over every
 * configuration that is loaded, passed on to a process that replaces this one, and forgotten when
 * the process ends.
 */
export class AddedForwards {
  readonly #added = new Map<string, AddedForward>();
  #count = 0;

  /** All of them, oldest first. */
  get all(): readonly AddedForward[] {
    return [...this.#added.values()];
  }

  /** All of them, to be added again elsewhere. */
  get written(): readonly WrittenForward[] {
    return this.all.map(({ vhost, destination }) => ({ vhost, destination: destination.url }));
  }

  /**
   * Adds a destination, as it is written in a file. One that is there already stays as it is.
   *
   * @returns what was added, or what is wrong with the text
   */
  add(vhost: string, text: string): AddedForward | string {
    const known = this.all.find((each) => each.vhost === vhost && each.destination.url === text);
    if (known !== undefined) return known;
    if (this.#added.size >= MAX_ADDED) return `remove some: at most ${MAX_ADDED} can be added`;
    let problem = "write host:port, rtmp://host:port/app/stream or rtmps://…";
    const destination = parseDestination(text, (fix) => {
      problem = fix;
      return undefined;
    });
    if (destination === undefined) return problem;
    const added = { id: `f${++this.#count}`, vhost, destination };
    this.#added.set(added.id, added);
    return added;
  }

  /** @returns false when there is none with this id in this vhost */
  remove(vhost: string, id: string): boolean {
    return this.#added.get(id)?.vhost === vhost && this.#added.delete(id);
  }

  /** Returns the configuration with the added destinations of its origin vhosts. */
  addTo(config: Config): Config {
    if (this.#added.size === 0) return config;
    const vhosts = new Map(config.vhosts);
    for (const [vhost, added] of Map.groupBy(this.all, ({ vhost }) => vhost)) {
      const settings = vhosts.get(vhost);
      if (settings === undefined || settings.mode !== "local") continue;
      const { enabled, destinations, backend } = settings.forward;
      const written = enabled ? destinations : [];
      const others = added.map(({ destination }) => destination)
        .filter(({ url }) => !written.some((each) => each.url === url));
      const forward = { enabled: true, destinations: [...written, ...others], backend };
      vhosts.set(vhost, { ...settings, forward });
    }
    return { ...config, vhosts };
  }
}
