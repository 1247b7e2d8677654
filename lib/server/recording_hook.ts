import type { VhostConfig } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { HookClient } from "./hook_client.ts";
import { HookDeadline } from "./hook_deadline.ts";
import { hookPayload } from "./http_hooks.ts";

/** A recording that is complete. */
interface RecordedFile {
  readonly vhost: { readonly config: VhostConfig };
  readonly path: string;
  /** Who published; null if unknown. */
  readonly request: StreamRequest | null;
}

/** What callbacks are told of a stream without a client, as one that is pushed by this server. */
const NO_CLIENT = { id: "", ip: "", tcUrl: "", pageUrl: "" };

/**
 * Reports a recording to the `on_dvr` callbacks of its vhost, if it has any.
 *
 * @param cwd Working directory of the server.
 */
export function reportRecording(hooks: HookClient, file: RecordedFile, cwd: string): void {
  const { vhost, path, request } = file;
  const { enabled, timeoutMs, urls } = vhost.config.httpHooks;
  if (!enabled || urls.on_dvr.length === 0 || request === null) return;
  const { url, client = NO_CLIENT } = request;
  const event = { action: "on_dvr", cwd, file: path } as const;
  const payload = hookPayload(event, { server: hooks.server, client, url });
  const deadline = new HookDeadline(hooks.clock, timeoutMs);
  deadline.start();
  const call = { action: event.action, urls: urls.on_dvr, payload, deadline };
  hooks.track(hooks.report(call).finally(() => deadline.end()));
}
