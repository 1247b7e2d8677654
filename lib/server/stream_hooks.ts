import type { VhostConfig } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { HookClient } from "./hook_client.ts";
import { HookDeadline } from "./hook_deadline.ts";
import { payloadOf } from "./form_hooks.ts";
import type { HookEvent, SegmentEvent } from "./http_hooks.ts";

/** The stream that a file was made of. */
interface StreamOfFile {
  readonly vhost: { readonly config: VhostConfig };
  /** Who published; null if unknown. */
  readonly request: StreamRequest | null;
}

/** What callbacks are told of a stream without a client, as one that is pushed by this server. */
export const NO_CLIENT = { id: "", ip: "", tcUrl: "", pageUrl: "" };

/**
 * Reports a recording to the `on_dvr` callbacks of its vhost, if it has any.
 *
 * @param cwd Working directory of the server.
 */
export function reportRecording(
  hooks: HookClient,
  { path: file, ...stream }: StreamOfFile & { readonly path: string },
  cwd: string,
): void {
  reportStream(hooks, { action: "on_dvr", cwd, file }, stream);
}

/** A segment that players can have. Paths are relative to `hls_path`. */
interface SegmentFile {
  readonly path: string;
  readonly playlistPath: string;
  readonly durationMs: number;
  readonly sequence: number;
}

/** Reports an HLS segment, as {@linkcode reportRecording} to the `on_hls` callbacks. */
export function reportSegment(
  hooks: HookClient,
  { segment, ...stream }: StreamOfFile & { readonly segment: SegmentFile },
  cwd: string,
): void {
  const { path, playlistPath, durationMs, sequence } = segment;
  const folder = stream.vhost.config.hls.path;
  const event: SegmentEvent = {
    ...{ action: "on_hls", cwd, file: `${folder}/${path}`, playlist: `${folder}/${playlistPath}` },
    ...{ fileUrl: path, playlistUrl: playlistPath, seconds: durationMs / 1000, sequence },
  };
  reportStream(hooks, event, stream);
}

function reportStream(hooks: HookClient, event: HookEvent, { vhost, request }: StreamOfFile): void {
  const { enabled, format, timeoutMs, urls: { [event.action]: urls } } = vhost.config.httpHooks;
  if (!enabled || urls.length === 0 || request === null) return;
  const { url, client = NO_CLIENT } = request;
  const payload = payloadOf(format, event, { server: hooks.server, client, url });
  const deadline = new HookDeadline(hooks.clock, timeoutMs);
  deadline.start();
  const call = { action: event.action, urls, format, payload, deadline };
  hooks.track(hooks.report(call).finally(() => deadline.end()));
}
