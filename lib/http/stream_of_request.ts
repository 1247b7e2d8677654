import { WireError } from "../base/errors.ts";
import { parseStreamUrl, type StreamUrl } from "../rtmp/url.ts";

/** The parts of a request's URL, as the client wrote them. */
interface RequestParts {
  /** `Host`, or the host of the URL. */
  readonly host: string;
  readonly path: string;
  /** With the question mark; or empty. */
  readonly search: string;
}

/** Splits a URL without `URL`, which throws for hosts that some clients send. */
export function partsOf({ url, headers }: Request): RequestParts {
  const [, authority = "", path = "/", search = ""] =
    /^[a-z]+:\/\/([^/?#]*)([^?#]*)([^#]*)/.exec(url) ?? [];
  return { host: headers.get("host") ?? authority, path, search };
}

/**
 * Returns the URL of the stream that a request of the host means. Parameters that name a vhost
 * count, as they do over RTMP. Null if the host, or a name, is invalid.
 */
export function streamUrlAt(
  { host, search }: Pick<RequestParts, "host" | "search">,
  app: string,
  stream: string,
): StreamUrl | null {
  try {
    return parseStreamUrl({ tcUrl: `http://${host}/${app}`, app, stream: stream + search });
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
