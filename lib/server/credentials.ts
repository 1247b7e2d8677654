import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { VhostConfig } from "../config/config.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { refuse, type StreamAction } from "./access_rules.ts";
import { matchesAny } from "../config/address_match.ts";
import { KeyGuesses } from "./key_guesses.ts";
import type { SecretStore } from "./secrets.ts";
import type { StreamKeys } from "./stream_keys.ts";

/** A client and the stream that it asks for. */
interface CredentialRequest {
  readonly action: StreamAction;
  readonly url: StreamUrl;
  /** IP address without port. */
  readonly ip: string;
}

/** What {@linkcode Credentials} works with. */
interface CredentialsDeps {
  readonly secrets: SecretStore;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Wall clock, ms since 1970. */
  readonly wallMs: () => number;
}

/**
 * Checks what clients must know: stream keys. A credential ends here: it is taken out of the
 * request, so that nothing behind the gate can log it or send it on.
 */
export class Credentials {
  readonly #secrets: SecretStore;
  readonly #guesses: KeyGuesses;
  readonly #wallMs: () => number;

  constructor(deps: CredentialsDeps) {
    this.#secrets = deps.secrets;
    this.#guesses = new KeyGuesses(deps);
    this.#wallMs = deps.wallMs;
  }

  /**
   * Returns the stream that the client may have, with a stream key replaced by its name; or why it
   * may not.
   */
  check(config: VhostConfig, { action, url, ip }: CredentialRequest): StreamUrl | Refusal {
    const { keys } = this.#secrets.of(config.name);
    if (keys === null) return url;
    if (action === "play") return hideKeys(url, keys);
    const isTrusted = matchesAny(config.publish.trusted, ip);
    if (!isTrusted && !this.#guesses.mayTry(ip)) {
      return refuseQuietly("Too many wrong stream keys from this address; try again in a minute");
    }
    const key = keys.find(url.stream);
    if (key === null) {
      if (isTrusted) return url;
      this.#guesses.failed(ip, config.name);
      return refuseQuietly("The stream key is not known");
    }
    const app = keys.withoutKeys(url.app) || url.app;
    if (this.#wallMs() > key.notAfterMs) {
      return refuse("publish", `The stream key of ${key.name} has expired`);
    }
    if (key.app !== "" && key.app !== app) {
      return refuse("publish", `The stream key of ${key.name} is for another app`);
    }
    return { ...url, app, stream: key.name, params: keys.hide(url.params) };
  }

  /** Returns a `connect` without the vhost's stream keys, which some users write into tcUrl. */
  hide(vhost: string, connect: ConnectRequest): ConnectRequest {
    const { keys } = this.#secrets.of(vhost);
    if (keys === null) return connect;
    const { app, tcUrl, pageUrl, swfUrl } = connect;
    return {
      ...connect,
      app: keys.hide(app),
      tcUrl: keys.hide(tcUrl),
      pageUrl: keys.hide(pageUrl),
      swfUrl: keys.hide(swfUrl),
    };
  }

  /** Returns the URL of a stream without the stream keys of its vhost. */
  hideUrl(url: StreamUrl): StreamUrl {
    const { keys } = this.#secrets.of(url.vhost);
    return keys === null ? url : hideKeys(url, keys);
  }
}

/** A player that names a key asks for a stream that cannot exist. */
function hideKeys(url: StreamUrl, keys: StreamKeys): StreamUrl {
  const { app, stream, params } = url;
  return { ...url, app: keys.hide(app), stream: keys.hide(stream), params: keys.hide(params) };
}

/** {@linkcode KeyGuesses} logs it. */
function refuseQuietly(description: string): Refusal {
  return { ...refuse("publish", description), logged: null };
}
