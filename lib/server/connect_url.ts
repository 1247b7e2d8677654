import { WireError } from "../base/errors.ts";
import type { Refusal } from "../rtmp/status.ts";
import { parseStreamUrl, type StreamUrl } from "../rtmp/url.ts";
import type { ConnectRequest } from "../session/server_session.ts";
import { refuse } from "./access_rules.ts";

/** Returns where a client connects, or the refusal if what it sent cannot be read. */
export function connectUrl({ tcUrl, app }: ConnectRequest): StreamUrl | Refusal {
  try {
    // With no stream, the last part of the app would be taken for it.
    return parseStreamUrl({ tcUrl, app, stream: "-" });
  } catch (error) {
    if (error instanceof WireError) return refuse("connect", error.message);
    throw error;
  }
}
