import { matchesAny } from "../config/address_match.ts";
import type { VhostConfig } from "../config/config.ts";
import { findParam, withoutParams } from "../rtmp/url_params.ts";
import type { SecretStore } from "./secrets.ts";
import {
  fileSignature,
  isFileSigned,
  isSigned,
  SIGNATURE_PARAMS,
  type SignedStream,
  signUrl,
} from "./signature.ts";

/** A request for a segment. */
interface SegmentRequest {
  /** Path of the file, relative to `hls_path`. */
  readonly path: string;
  /** `?query#fragment` of the URL. */
  readonly params: string;
  /** IP address without port. */
  readonly ip: string;
}

/**
 * Protects HLS segments where players need signed URLs. The playlist, whose own signature is
 * checked, gives each segment a signature that is the same for all viewers and at all times. So a
 * cache keeps one copy, whether or not parameters are part of its key, and only those who got a
 * playlist know the URLs.
 */
export class HlsSignatures {
  readonly #secrets: SecretStore;

  constructor(secrets: SecretStore) {
    this.#secrets = secrets;
  }

  /** Returns what signs the files of a vhost: `sig=…`; null when they need no signature. */
  signerOf(vhost: string): ((path: string) => string) | null {
    const [secret] = this.#secrets.of(vhost).play.signing;
    return secret === undefined ? null : (path) => `sig=${fileSignature(secret, vhost, path)}`;
  }

  /**
   * Returns a query with a signature for another stream, on the terms of the one that it has;
   * unchanged if it has none.
   */
  signLike(query: string, stream: SignedStream): string {
    const [secret] = this.#secrets.of(stream.vhost).play.signing;
    const expires = Number(findParam(query, "exp") ?? "");
    if (secret === undefined || !isSigned(query) || !(expires > 0)) return query;
    const ip = findParam(query, "ip") ?? "";
    return signUrl(withoutParams(query, SIGNATURE_PARAMS), secret, stream, { expires, ip });
  }

  /** Whether a segment may be had: it is signed, or needs no signature. */
  isSigned({ name: vhost, play }: VhostConfig, { path, params, ip }: SegmentRequest): boolean {
    const { signing } = this.#secrets.of(vhost).play;
    if (signing.length === 0 || matchesAny(play.access.trusted, ip)) return true;
    return isFileSigned(signing, { vhost, path, params });
  }
}

/** Returns the parameters of a segment without its signature. */
export function withoutSignature(params: string): string {
  return withoutParams(params, ["sig"]);
}
