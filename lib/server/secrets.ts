import type { StreamAction } from "./access_rules.ts";
import type { StreamKeys } from "./stream_keys.ts";
import type { TokenKeys } from "./token_keys.ts";

/** What clients of a vhost must know, for one action. */
export interface ActionSecrets {
  /** Secrets of signed URLs, the one that signs first; empty when none are asked for. */
  readonly signing: readonly string[];
  /** Keys of tokens; null when none are asked for. */
  readonly tokens: TokenKeys | null;
}

/** The secrets of a vhost, from its settings and the files that they name. */
export interface VhostSecrets extends Readonly<Record<StreamAction, ActionSecrets>> {
  /** Null unless `publish.keys` names a file. */
  readonly keys: StreamKeys | null;
}

const NO_ACTION: ActionSecrets = { signing: [], tokens: null };
const NONE: VhostSecrets = { keys: null, play: NO_ACTION, publish: NO_ACTION };

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
