import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { matchesAny } from "../config/address_match.ts";
import type { VhostConfig } from "../config/config.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import { withoutParams } from "../rtmp/url_params.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { refuse, type StreamAction } from "./access_rules.ts";
import { KeyGuesses } from "./key_guesses.ts";
import type { SecretStore, VhostSecrets } from "./secrets.ts";
import { isSigned, objectionToSignature, SIGNATURE_PARAMS } from "./signature.ts";
import type { StreamKeys } from "./stream_keys.ts";

/** A client and the stream that it asks for. */
interface CredentialRequest {
  readonly action: StreamAction;
  /** `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
  /** The vhost as the client wrote it. */
  readonly askedVhost: string;
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
 * Checks what clients must know: stream keys, signed URLs. Any one of those that are configured is
 * enough. A credential ends here: it is taken out of the request, so that nothing behind the gate
 * can log it or send it on.
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
   * Returns the stream that the client may have, without credentials and with a stream key replaced
   * by its name; or why it may not.
   */
  check(config: VhostConfig, request: CredentialRequest): StreamUrl | Refusal {
    const secrets = this.#secrets.of(config.name);
    const { action, url, ip } = request;
    const { signing } = secrets[action];
    const keys = action === "publish" ? secrets.keys : null;
    const hidden = hideAll(url, secrets);
    if (signing.length === 0 && keys === null) return hidden;
    const isTrusted = matchesAny(config[action].access.trusted, ip);
    if (!isTrusted && signing.length > 0 && (keys === null || isSigned(url.params))) {
      const objection = this.#checkSignature(signing, request);
      return objection === null ? hidden : refuse(action, objection);
    }
    return keys === null ? hidden : this.#exchangeKey(keys, request, { hidden, isTrusted });
  }

  /** Returns a `connect` without the vhost's stream keys, which some users write into tcUrl. */
  hide(vhost: string, connect: ConnectRequest): ConnectRequest {
    const secrets = this.#secrets.of(vhost);
    if (!hasAny(secrets)) return connect;
    const { app, tcUrl, pageUrl, swfUrl } = connect;
    return {
      ...connect,
      app: hideIn(app, secrets),
      tcUrl: hideIn(tcUrl, secrets),
      pageUrl: hideIn(pageUrl, secrets),
      swfUrl: hideIn(swfUrl, secrets),
    };
  }

  /** Returns the URL of a stream without credentials. `vhost` is the configured vhost's name. */
  hideUrl(url: StreamUrl): StreamUrl {
    return hideAll(url, this.#secrets.of(url.vhost));
  }

  #checkSignature(signing: readonly string[], request: CredentialRequest): string | null {
    const { action, url: { vhost, app, stream, params }, askedVhost, ip } = request;
    return objectionToSignature(signing, {
      ...{ action, app, stream, params, ip },
      vhosts: [vhost, askedVhost],
      nowSeconds: this.#wallMs() / 1000,
    });
  }

  #exchangeKey(
    keys: StreamKeys,
    { url, ip }: CredentialRequest,
    { hidden, isTrusted }: { readonly hidden: StreamUrl; readonly isTrusted: boolean },
  ): StreamUrl | Refusal {
    if (!isTrusted && !this.#guesses.mayTry(ip)) {
      return refuseQuietly("Too many wrong stream keys from this address; try again in a minute");
    }
    const key = keys.find(url.stream);
    if (key === null) {
      if (isTrusted) return hidden;
      this.#guesses.failed(ip, url.vhost);
      return refuseQuietly("The stream key is not known");
    }
    const app = keys.withoutKeys(url.app) || url.app;
    if (this.#wallMs() > key.notAfterMs) {
      return refuse("publish", `The stream key of ${key.name} has expired`);
    }
    if (key.app !== "" && key.app !== app) {
      return refuse("publish", `The stream key of ${key.name} is for another app`);
    }
    return { ...hidden, app, stream: key.name };
  }
}

function hasAny({ keys, play, publish }: VhostSecrets): boolean {
  return keys !== null || play.signing.length > 0 || publish.signing.length > 0;
}

/** A player that names a key asks for a stream that cannot exist. */
function hideAll(url: StreamUrl, secrets: VhostSecrets): StreamUrl {
  if (!hasAny(secrets)) return url;
  const { app, stream, params } = url;
  return {
    ...url,
    app: hideIn(app, secrets),
    stream: hideIn(stream, secrets),
    params: hideIn(params, secrets),
  };
}

function hideIn(url: string, { keys, play, publish }: VhostSecrets): string {
  const isSigning = play.signing.length > 0 || publish.signing.length > 0;
  const unsigned = isSigning ? withoutParams(url, SIGNATURE_PARAMS) : url;
  return keys === null ? unsigned : keys.hide(unsigned);
}

/** {@linkcode KeyGuesses} logs it. */
function refuseQuietly(description: string): Refusal {
  return { ...refuse("publish", description), logged: null };
}
