import { DEFAULT_VHOST } from "../config/config.ts";
import type { VhostService } from "./vhost_service.ts";

/** The vhosts of a server, by name. Looks into `services` at each use: they may change. */
export class VhostDirectory implements Iterable<VhostService> {
  readonly #services: ReadonlyMap<string, VhostService>;

  constructor(services: ReadonlyMap<string, VhostService>) {
    this.#services = services;
  }

  [Symbol.iterator](): Iterator<VhostService> {
    return this.#services.values();
  }

  /** @returns the vhost `name`, else the default vhost, else null. */
  find(name: string): VhostService | null {
    return this.#services.get(name) ?? this.#services.get(DEFAULT_VHOST) ?? null;
  }

  /** Closes all vhosts; settles when they are closed. */
  async close(): Promise<void> {
    await Promise.all([...this.#services.values()].map((service) => service.close()));
  }
}
