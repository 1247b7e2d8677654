/** Which stream a path names. */

/** Where a stream is. */
export interface FlvPlace {
  /** One or more path parts. */
  readonly app: string;
  /** One path part. */
  readonly stream: string;
}

/** What would mean something else, or nothing good, in the address of a stream. */
const FORBIDDEN = /[?#\\\s\p{Cc}]|\.\.\.vhost\.\.\./u;

/** Templates are few: one per vhost. */
const patterns = new Map<string, RegExp>();

/**
 * App and stream of a URL's path, as it stands in a request, by a vhost's mount
 * `/[app]/[stream].flv`; null when it has another form.
 */
export function matchMount(mount: string, pathname: string): FlvPlace | null {
  const path = decodePath(pathname);
  const groups = path === null ? undefined : patternOf(mount).exec(path)?.groups;
  if (groups === undefined) return null;
  return { app: groups["app"]!, stream: groups["stream"]! };
}

function decodePath(pathname: string): string | null {
  // A slash in a name would be another stream's address.
  if (/%2f/i.test(pathname)) return null;
  try {
    const path = decodeURIComponent(pathname);
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
