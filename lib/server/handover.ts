import { cutParams, findParam, withParam } from "../rtmp/url_params.ts";

/** The parameter by which a process that replaces another one is let in there. */
const PARAMETER = "edgeHandover";

/** Returns the parameters of a stream with the token. */
export function withHandoverToken(params: string, token: string): string {
  return withParam(params, PARAMETER, token);
}

/** Knows the process that replaces this one. */
export class HandoverTrust {
  /** Null while none does. */
  #token: string | null = null;

  /** Lets clients in that send this token. */
  trust(token: string): void {
    this.#token = token;
  }

  /** Whether a play with these parameters comes from that process. */
  isTrusted(params: string): boolean {
    const { query } = cutParams(params);
    return this.#token !== null && findParam(query, PARAMETER) === this.#token;
  }
}
