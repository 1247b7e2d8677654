import type { HookFetch } from "../../lib/server/hook_client.ts";
import type { HookPayload } from "../../lib/server/http_hooks.ts";

/** A request that the server received. */
interface HookRequest {
  readonly url: string;
  readonly payload: HookPayload;
  readonly init: RequestInit;
}

/**
 * An HTTP server for callbacks, in memory. It keeps the requests, and answers as a test decides.
 */
export class HookScript {
  readonly requests: HookRequest[] = [];
  /** Called for every request; allows everything unless a test replaces it. */
  answer: (request: HookRequest) => Response | Promise<Response> = () => new Response("0");

  readonly fetch: HookFetch = async (url, init) => {
    const request = { url, payload: payloadOf(init), init };
    this.requests.push(request);
    return await this.answer(request);
  };

  /** Actions of all requests, in order. */
  get actions(): string[] {
    return this.requests.map(({ payload }) => String(payload["action"]));
  }

  /** Returns the requests about an action. */
  about(action: string): HookRequest[] {
    return this.requests.filter(({ payload }) => payload["action"] === action);
  }
}

function payloadOf({ headers, body }: RequestInit): HookPayload {
  const isForm = new Headers(headers).get("content-type") === "application/x-www-form-urlencoded";
  return isForm ? Object.fromEntries(new URLSearchParams(String(body))) : JSON.parse(String(body));
}

/** An answer that never arrives, not even when the request is aborted. */
export function never(): Promise<Response> {
  return new Promise(() => {});
}
