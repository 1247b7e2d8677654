import type { CancelTimer, Clock } from "../base/clock.ts";
import type { SettingsSource } from "./settings_source.ts";

/** Options of {@linkcode ConfigWatch}. */
interface ConfigWatchOptions {
  readonly source: Pick<SettingsSource, "findChange">;
  readonly clock: Clock;
  /** Whether to watch; asked at every check. */
  readonly isOn: () => boolean;
  /** Called with the path of a file that differs from what was loaded, once it is at rest. */
  readonly onChange: (path: string) => void;
}

/** Time between two checks, in ms. */
const PERIOD_MS = 1_000;

/**
 * Notices that files of the configuration have changed: written in place, renamed over, or reached
 * through a symbolic link that leads elsewhere, as in a ConfigMap of Kubernetes. Asks the file
 * system once a second, which works on all of them, rather than waiting for its events. A change
 * counts when the files stayed as they are for a second, so that half-written ones are not loaded.
 */
export class ConfigWatch {
  readonly #options: ConfigWatchOptions;
  /** The change that the last check found, with the state of the files; empty for none. */
  #pending = "";
  #cancel: CancelTimer | null = null;

  constructor(options: ConfigWatchOptions) {
    this.#options = options;
  }

  /** Begins to check. */
  start(): void {
    this.#cancel = this.#options.clock.after(PERIOD_MS, async () => {
      await this.#check();
      if (this.#cancel !== null) this.start();
    });
  }

  /** Ends the checks. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  async #check(): Promise<void> {
    const { source, isOn, onChange } = this.#options;
    const change = isOn() ? await source.findChange() : null;
    const found = change === null ? "" : `${change.path} ${change.state}`;
    const isAtRest = found === this.#pending;
    this.#pending = found;
    if (change !== null && isAtRest && this.#cancel !== null) onChange(change.path);
  }
}
