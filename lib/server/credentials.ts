import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { matchesAny } from "../config/address_match.ts";
import type { VhostConfig } from "../config/config.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import { cutParams, findParam, withoutParams } from "../rtmp/url_params.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { refuse, type StreamAction } from "./access_rules.ts";
import { KeyGuesses } from "./key_guesses.ts";
import type { SecretStore, VhostSecrets } from "./secrets.ts";
import { isSigned, objectionToSignature, SIGNATURE_PARAMS } from "./signature.ts";
import { hashOf, type StreamKeys } from "./stream_keys.ts";
import { objectionToClaims } from "./token_claims.ts";
import type { TokenKeys } from "./token_keys.ts";

/** A client and the stream that it asks for. */
interface CredentialRequest {
  readonly action: StreamAction;
  /** `vhost` is the configured vhost's name. */
  readonly url: StreamUrl;
  /** The vhost as the client wrote it. */
  readonly askedVhost: string;
  /** IP address without port. */
  readonly ip: string;
  /** Token of the header `Authorization`; empty for none. */
  readonly bearer?: string;
}

/** The stream that the client may have. */
interface Granted {
  readonly url: StreamUrl;
  /** As in {@linkcode Admission}. */
  readonly recheck?: () => string | null;
}

/** The stream that the client may have, or why it may not. */
type Answer = Granted | Refusal;

const ACTIONS: readonly StreamAction[] = ["play", "publish"];
const TOKEN_PARAMS = ["token", "jwt"];

/** What {@linkcode Credentials} works with. */
interface CredentialsDeps {
  readonly secrets: SecretStore;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Wall clock, ms since 1970. */
  readonly wallMs: () => number;
}

/**
 * Checks what clients must know: stream keys, signed URLs, tokens. Any one of those that are
 * configured is enough. A credential ends here: it is taken out of the request, so that nothing
 * behind the gate can log it or send it on.
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
   * by its name; or why it may not. At once, unless it sent a token.
   */
  check(config: VhostConfig, request: CredentialRequest): Answer | Promise<Answer> {
    const secrets = this.#secrets.of(config.name);
    const { action, url, ip } = request;
    const { signing, tokens } = secrets[action];
    const keys = action === "publish" ? secrets.keys : null;
    const hidden = hideAll(url, secrets, [action]);
    const granted = { url: hidden };
    const isOpen = signing.length === 0 && tokens === null && keys === null;
    if (isOpen) return granted;
    const isTrusted = matchesAny(config[action].access.trusted, ip);
    const token = tokens === null ? "" : tokenOf(request);
    if (tokens !== null && token !== "" && !isTrusted) {
      return this.#checkToken(tokens, token, request)
        .then((objection) => objection === null ? granted : refuse(action, objection));
    }
    const isSignatureDue = signing.length > 0 && (keys === null || isSigned(url.params));
    if (isSignatureDue && !isTrusted) {
      const objection = this.#checkSignature(signing, request);
      return objection === null ? granted : refuse(action, objection);
    }
    if (keys !== null) return this.#exchangeKey(keys, request, { hidden, isTrusted });
    return isTrusted ? granted : refuse(action, `A token is needed to ${action}`);
  }

  /** Returns a `connect` without the vhost's stream keys, which some users write into tcUrl. */
  hide(vhost: string, connect: ConnectRequest): ConnectRequest {
    const secrets = this.#secrets.of(vhost);
    if (!hasAny(secrets)) return connect;
    const { app, tcUrl, pageUrl, swfUrl } = connect;
    // It does not say yet what the client will do.
    const hide = (url: string) => hideIn(url, secrets, ACTIONS);
    return {
      ...connect,
      app: hide(app),
      tcUrl: hide(tcUrl),
      pageUrl: hide(pageUrl),
      swfUrl: hide(swfUrl),
    };
  }

  /** Returns the URL of a stream without credentials. `vhost` is the configured vhost's name. */
  hideUrl(url: StreamUrl): StreamUrl {
    return hideAll(url, this.#secrets.of(url.vhost), ACTIONS);
  }

  /** @returns why the token does not permit what is asked for, or null. */
  async #checkToken(
    tokens: TokenKeys,
    token: string,
    { action, url: { vhost, app, stream }, askedVhost }: CredentialRequest,
  ): Promise<string | null> {
    const claims = await tokens.verify(token, new Date(this.#wallMs()));
    if (typeof claims === "string") return claims;
    return objectionToClaims(claims, { action, app, stream, vhosts: [vhost, askedVhost] });
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
  ): Answer {
    if (!isTrusted && !this.#guesses.mayTry(ip)) {
      return refuseQuietly("Too many wrong stream keys from this address; try again in a minute");
    }
    const hash = hashOf(url.stream);
    const key = keys.findHash(hash);
    if (key === null) {
      if (isTrusted) return { url: hidden };
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
    const own = { ...hidden, app, stream: key.name };
    return { url: own, recheck: () => this.#objectionToKey(hash, own) };
  }

  /** @returns why one who publishes `url` by a key may no longer, or null. */
  #objectionToKey(hash: string, { vhost, app, stream }: StreamUrl): string | null {
    const { keys } = this.#secrets.of(vhost);
    // The vhost no longer asks for keys.
    if (keys === null) return null;
    const key = keys.findHash(hash);
    if (key === null) return "its stream key was removed";
    if (this.#wallMs() > key.notAfterMs) return "its stream key has expired";
    const isOther = key.name !== stream || (key.app !== "" && key.app !== app);
    return isOther ? "its stream key is for another stream now" : null;
  }
}

function hasAny(secrets: VhostSecrets): boolean {
  return secrets.keys !== null || isSigning(secrets, ACTIONS) || hasTokens(secrets, ACTIONS);
}

function isSigning(secrets: VhostSecrets, actions: readonly StreamAction[]): boolean {
  return actions.some((action) => secrets[action].signing.length > 0);
}

function hasTokens(secrets: VhostSecrets, actions: readonly StreamAction[]): boolean {
  return actions.some((action) => secrets[action].tokens !== null);
}

function tokenOf({ url: { params }, bearer = "" }: CredentialRequest): string {
  const { query } = cutParams(params);
  return findParam(query, "token") ?? findParam(query, "jwt") ?? bearer;
}

/**
 * Returns the URL without the credentials that `actions` ask for; other parameters of the same
 * names stay. A player that names a key asks for a stream that cannot exist.
 */
function hideAll(
  url: StreamUrl,
  secrets: VhostSecrets,
  actions: readonly StreamAction[],
): StreamUrl {
  if (!hasAny(secrets)) return url;
  const hide = (text: string) => hideIn(text, secrets, actions);
  return { ...url, app: hide(url.app), stream: hide(url.stream), params: hide(url.params) };
}

function hideIn(url: string, secrets: VhostSecrets, actions: readonly StreamAction[]): string {
  const unsigned = isSigning(secrets, actions) ? withoutParams(url, SIGNATURE_PARAMS) : url;
  const untokened = hasTokens(secrets, actions) ? withoutParams(unsigned, TOKEN_PARAMS) : unsigned;
  return secrets.keys === null ? untokened : secrets.keys.hide(untokened);
}

/** {@linkcode KeyGuesses} logs it. */
function refuseQuietly(description: string): Refusal {
  return { ...refuse("publish", description), logged: null };
}
