import type { VhostConfig } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { HookClient } from "./hook_client.ts";
import { HookDeadline } from "./hook_deadline.ts";
import { hookPayload } from "./http_hooks.ts";
import { NO_CLIENT } from "./stream_hooks.ts";

/** More are ignored. */
const MAX_DESTINATIONS = 64;

/**
 * Asks the `backend` of a vhost where a stream is to be copied (`on_forward`). Its answers are
 * those of SRS: `{"code": 0, "data": {"urls": ["rtmp://…"]}}`. Never rejects.
 *
 * @returns what all URLs answered, unchecked; null when one of them gave no answer, which is logged
 */
export async function askDestinations(
  hooks: HookClient,
  config: VhostConfig,
  request: StreamRequest,
): Promise<readonly string[] | null> {
  const { url, client = NO_CLIENT } = request;
  const event = { action: "on_forward" } as const;
  const payload = hookPayload(event, { server: hooks.server, client, url });
  const deadline = new HookDeadline(hooks.clock, config.httpHooks.timeoutMs);
  const found: string[] = [];
  const onAllowed = (body: string) => void found.push(...urlsIn(body));
  const call = { ...event, urls: config.forward.backend, payload, deadline, onAllowed };
  deadline.start();
  const asked = hooks.ask(call).finally(() => deadline.end());
  hooks.track(asked.then(() => {}));
  const verdict = await asked;
  if (verdict.type === "failed") return null;
  return verdict.type === "allowed" ? found.slice(0, MAX_DESTINATIONS) : [];
}

/** An answer may be a bare 0: then the stream goes nowhere. */
function urlsIn(body: string): readonly string[] {
  const urls: unknown = JSON.parse(body)?.data?.urls;
  return Array.isArray(urls) ? urls.filter((url) => typeof url === "string") : [];
}
