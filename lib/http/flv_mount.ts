import { removeSpace } from "../rtmp/url_params.ts";

/** The stream that a path names. */
interface FlvTarget {
  /** One or more path parts. */
  readonly app: string;
  /** One path part. */
  readonly stream: string;
}

/** Characters with a special meaning in a stream URL. */
const FORBIDDEN = /[?#\\\p{Cc}]|\.\.\.vhost\.\.\./u;

/** By mount. There are few: one per vhost. */
const patterns = new Map<string, RegExp>();

/**
 * Returns the app and stream that the path of a request names; null if it does not match. Blanks
 * are dropped, as RTMP drops them.
 *
 * @param mount The vhost's `mount`, `/[app]/[stream].flv`.
 * @param pathname As the client wrote it.
 */
export function matchMount(mount: string, pathname: string): FlvTarget | null {
  const path = decodePath(pathname);
  const groups = path === null ? undefined : patternOf(mount).exec(path)?.groups;
  if (groups === undefined) return null;
  return { app: groups["app"]!, stream: groups["stream"]! };
}

function decodePath(pathname: string): string | null {
  // With a slash in its name it would be another stream.
  if (/%2f/i.test(pathname)) return null;
  try {
    const path = removeSpace(decodeURIComponent(pathname));
    return FORBIDDEN.test(path) ? null : path;
  } catch {
    return null;
  }
}

function patternOf(mount: string): RegExp {
  let pattern = patterns.get(mount);
  if (pattern === undefined) {
    const escaped = mount.replace(/[.*+?^${}()|\\]/g, "\\$&");
    const source = escaped.replace("[app]", "(?<app>[^/]+(?:/[^/]+)*)")
      .replace("[stream]", "(?<stream>[^/]+)");
    pattern = new RegExp(`^${source}$`);
    patterns.set(mount, pattern);
  }
  return pattern;
}
