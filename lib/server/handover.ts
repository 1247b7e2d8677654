import { cutParams, findParam, withParam } from "../rtmp/url_params.ts";

/** The parameter by which a process that replaces another one is let in there, and the reverse. */
const PARAMETER = "edgeHandover";

/** Returns the parameters of a stream with the token. */
export function withHandoverToken(params: string, token: string): string {
  return withParam(params, PARAMETER, token);
}

/** Whether a play comes from such a process, or claims to. */
export function hasHandoverToken(params: string): boolean {
  return findParam(cutParams(params).query, PARAMETER) !== null;
}

/** Knows the process that replaces this one, or that this one replaces. */
export class HandoverTrust {
  /** Null while there is none. */
  #token: string | null = null;

  /** Lets clients in that send this token; none when it is null. */
  trust(token: string | null): void {
    this.#token = token;
  }

  /** Whether a play with these parameters comes from that process. */
  isTrusted(params: string): boolean {
    const { query } = cutParams(params);
    return this.#token !== null && findParam(query, PARAMETER) === this.#token;
  }
}
