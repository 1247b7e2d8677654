import type { StreamAction } from "./access_rules.ts";

/** A client and what it asks for. */
interface ClaimedStream {
  readonly action: StreamAction;
  /** Names of the vhost: as configured, and as the client wrote it. */
  readonly vhosts: readonly string[];
  readonly app: string;
  readonly stream: string;
}

/**
 * Checks what a token permits: `action` is `play`, `publish` or a list of both, `stream` a pattern
 * in which `*` stands for anything; so are `app` and `vhost`, which may be left out.
 *
 * @returns why it does not permit what the client asks for, or null.
 */
export function objectionToClaims(
  claims: Readonly<Record<string, unknown>>,
  { action, vhosts, app, stream }: ClaimedStream,
): string | null {
  const { action: actions, vhost, app: appPattern, stream: streamPattern } = claims;
  if (!(Array.isArray(actions) ? actions : [actions]).includes(action)) {
    return `The token does not permit to ${action}`;
  }
  const isPermitted = matches(streamPattern, stream) &&
    (appPattern === undefined || matches(appPattern, app)) &&
    (vhost === undefined || vhosts.some((name) => matches(vhost, name)));
  return isPermitted ? null : "The token is for another stream";
}

function matches(pattern: unknown, text: string): boolean {
  if (typeof pattern !== "string") return false;
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return at <= end;
}
