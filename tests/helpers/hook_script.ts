/** An HTTP server for callbacks, in memory: keeps what it was asked and answers as a test says. */

import type { HookFetch } from "../../lib/server/hook_client.ts";
import type { HookPayload } from "../../lib/server/http_hooks.ts";

/** One request. */
export interface HookRequest {
  readonly url: string;
  readonly payload: HookPayload;
  readonly init: RequestInit;
}

/** See the file comment. */
export class HookScript {
  readonly requests: HookRequest[] = [];
  /** Called for every request; says yes unless a test replaces it. */
  answer: (request: HookRequest) => Response | Promise<Response> = () => new Response("0");

  readonly fetch: HookFetch = async (url, init) => {
    const request = { url, payload: JSON.parse(String(init.body)), init };
    this.requests.push(request);
    return await this.answer(request);
  };

  /** The actions it heard of, in order. */
  get actions(): string[] {
    return this.requests.map(({ payload }) => String(payload["action"]));
  }

  /** The requests about an action. */
  about(action: string): HookRequest[] {
    return this.requests.filter(({ payload }) => payload["action"] === action);
  }
}

/** An answer that never comes, whatever the signal says. */
export function never(): Promise<Response> {
  return new Promise(() => {});
}
