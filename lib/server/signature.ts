import { Buffer } from "node:buffer";
import { createHmac, timingSafeEqual } from "node:crypto";
import { matchesAddress } from "../config/address_match.ts";
import { cutParams, findParam, withParam } from "../rtmp/url_params.ts";
import type { StreamAction } from "./access_rules.ts";

/** Parameters of a signed URL. */
export const SIGNATURE_PARAMS = ["exp", "sig", "ip"] as const;

/** What a signature permits. */
export interface SignedStream {
  readonly action: StreamAction;
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}

/** For whom and until when. */
interface SignatureTerms {
  /** Last second at which it is valid, since 1970. */
  readonly expires: number;
  /** The only address that may use it; empty for any. */
  readonly ip: string;
}

/** A client with what it claims to be permitted. */
interface SignatureClaim extends Omit<SignedStream, "vhost"> {
  /** Names of the vhost: as configured, and as the client wrote it. */
  readonly vhosts: readonly string[];
  /** `?query#fragment` of the URL. */
  readonly params: string;
  /** Address of the client. */
  readonly ip: string;
  readonly nowSeconds: number;
}

/** Returns a URL, or a part of one, with the parameters that permit what `stream` says. */
export function signUrl(
  url: string,
  secret: string,
  stream: SignedStream,
  { expires, ip }: SignatureTerms,
): string {
  const withTerms = withParam(url, "exp", String(expires));
  const bound = ip === "" ? withTerms : withParam(withTerms, "ip", ip);
  return withParam(bound, "sig", hmacOf(secret, textOf(stream, String(expires), ip)));
}

/** Whether a URL has a signature, right or wrong. */
export function isSigned(params: string): boolean {
  return findParam(cutParams(params).query, "sig") !== null;
}

/**
 * Checks the signature of a URL against all secrets, in constant time.
 *
 * @returns why it permits nothing, or null.
 */
export function objectionToSignature(
  secrets: readonly string[],
  { vhosts, params, ip, nowSeconds, ...stream }: SignatureClaim,
): string | null {
  const { query } = cutParams(params);
  const signature = findParam(query, "sig");
  const expires = findParam(query, "exp");
  if (signature === null || expires === null) {
    return "The URL is not signed: exp and sig are missing";
  }
  const bound = findParam(query, "ip") ?? "";
  let isRight = false;
  for (const secret of secrets) {
    for (const vhost of vhosts) {
      const right = hmacOf(secret, textOf({ ...stream, vhost }, expires, bound));
      isRight = isEqual(signature, right) || isRight;
    }
  }
  if (!isRight) return "The signature of the URL is wrong";
  if (!/^\d{1,15}$/.test(expires) || nowSeconds > Number(expires)) return "The URL has expired";
  if (bound !== "" && !matchesAddress(bound, ip)) return "The URL is for another address";
  return null;
}

/** Returns the signature of an HLS file: the same for all viewers, so that caches keep one copy. */
export function fileSignature(secret: string, vhost: string, path: string): string {
  return hmacOf(secret, ["file", vhost, path].join("\n"));
}

/** Checks the signature of an HLS file against all secrets, in constant time. */
export function isFileSigned(
  secrets: readonly string[],
  { vhost, path, params }: {
    readonly vhost: string;
    readonly path: string;
    readonly params: string;
  },
): boolean {
  const signature = findParam(cutParams(params).query, "sig") ?? "";
  return secrets.filter((secret) => isEqual(signature, fileSignature(secret, vhost, path)))
    .length > 0;
}

function textOf({ action, vhost, app, stream }: SignedStream, expires: string, ip: string): string {
  return [action, vhost, app, stream, expires, ip].join("\n");
}

function hmacOf(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
