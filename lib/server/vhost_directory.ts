/** The vhosts of a server by name. */

import { DEFAULT_VHOST } from "../config/config.ts";
import type { VhostService } from "./vhost_service.ts";

/** See the file comment. */
export class VhostDirectory {
  readonly #services: ReadonlyMap<string, VhostService>;

  constructor(services: ReadonlyMap<string, VhostService>) {
    this.#services = services;
  }

  /** The vhost `name`, else the default vhost, else null. */
  find(name: string): VhostService | null {
    return this.#services.get(name) ?? this.#services.get(DEFAULT_VHOST) ?? null;
  }

  /** Closes all vhosts; settles when they are. */
  async close(): Promise<void> {
    await Promise.all([...this.#services.values()].map((service) => service.close()));
  }
}
