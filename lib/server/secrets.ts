import type { StreamKeys } from "./stream_keys.ts";

/** What the vhost's files of secrets contain. */
export interface VhostSecrets {
  /** Null unless `publish.keys` names a file. */
  readonly keys: StreamKeys | null;
}

const NONE: VhostSecrets = { keys: null };

/** The secrets of all vhosts. Read where they are used: files change while the server runs. */
export class SecretStore {
  #vhosts: ReadonlyMap<string, VhostSecrets> = new Map();

  /** Replaces the secrets of all vhosts. */
  replace(vhosts: ReadonlyMap<string, VhostSecrets>): void {
    this.#vhosts = vhosts;
  }

  /** Returns the secrets of a configured vhost. */
  of(vhost: string): VhostSecrets {
    return this.#vhosts.get(vhost) ?? NONE;
  }

  /** Returns a text without the stream keys of any vhost. */
  hideKeys(text: string): string {
    let hidden = text;
    for (const { keys } of this.#vhosts.values()) hidden = keys?.hide(hidden) ?? hidden;
    return hidden;
  }
}
