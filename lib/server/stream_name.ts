import type { VhostConfig } from "../config/config.ts";
import { clientVhost, type StreamUrl } from "../rtmp/url.ts";

/** Names appear in every log line about their stream. In characters, without parameters. */
const MAX_NAME_LENGTH = 1024;

/** Parameters are sent on to origins and callbacks. In characters. */
const MAX_PARAMS_LENGTH = 4096;

/** Returns why a vhost has no such stream, or null. Pure. */
export function objectionToName(vhost: VhostConfig, url: StreamUrl): string | null {
  if (url.stream === "") return "The stream name is empty";
  const { length } = streamNameOf({ ...url, vhost: vhost.name }, vhost);
  if (length > MAX_NAME_LENGTH) {
    return `The stream name has ${length} characters; at most ${MAX_NAME_LENGTH} are allowed`;
  }
  if (url.params.length > MAX_PARAMS_LENGTH) {
    return `The parameters have ${url.params.length} characters; ` +
      `at most ${MAX_PARAMS_LENGTH} are allowed`;
  }
  return null;
}

/**
 * Returns `app/stream`. At an edge that asks its origins for the vhost that each client named, that
 * vhost is part of what the stream is: `app/stream?vhost=…`. Otherwise the first client would
 * decide which vhost's stream the others get.
 *
 * @param url with `vhost` as configured
 */
export function streamNameOf(url: StreamUrl, { mode, cluster }: VhostConfig): string {
  const vhost = mode === "remote" ? clientVhost(url, cluster.vhost) : null;
  return `${url.app}/${url.stream}${vhost === null ? "" : `?vhost=${vhost}`}`;
}
