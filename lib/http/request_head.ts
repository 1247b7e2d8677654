/**
 * Parses request heads. No other request can be smuggled into one (RFC 9112, section 11.2): a head
 * whose lines or body another server could read differently is refused, and the connection is
 * closed after a request that has a body.
 */

import { Buffer } from "node:buffer";
import { HTTPParser } from "http-parser-js";
import { stripParams } from "../base/text.ts";

// Both settings are global; the parser is used here only. "ascii" would clear the upper bit of each
// byte, and turn some bytes into line ends.
HTTPParser.encoding = "latin1";

/** Longest head, in bytes: similar to the limit of other servers. */
export const MAX_HEAD_BYTES = 32 * 1024;
HTTPParser.maxHeaderSize = MAX_HEAD_BYTES;

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  /** Absolute, with scheme and host. */
  readonly url: string;
  readonly headers: Headers;
  /** HTTP/1.0: the client expects the connection to close by default. */
  readonly isHttp10: boolean;
  /** Whether another request may follow on the connection. */
  readonly isKept: boolean;
  /** Whether a body follows. */
  readonly hasBody: boolean;
  /** Bytes of a body that is read: JSON with a length, and not too long. 0 for any other. */
  readonly readBytes: number;
}

/** Longest body that is read, in bytes. */
const MAX_BODY_BYTES = 16 * 1024;

/** Methods whose bodies are read. */
const BODY_METHODS = new Set(["POST", "PUT", "DELETE"]);

/** An invalid or too long head. The message is sent to the client. */
export class BadRequestError extends Error {
  /** Status of the response. */
  readonly status: 400 | 431 | 501;

  constructor(status: BadRequestError["status"], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.name = "BadRequestError";
    this.status = status;
  }
}

/** A head as the library reports it. */
interface ParsedHead {
  readonly versionMajor: number;
  readonly versionMinor: number;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  /** Index in `HTTPParser.methods`. */
  readonly method: number;
  readonly url: string;
  readonly shouldKeepAlive: boolean;
}

/** Tells the library to stop after the head. */
const STOP_AFTER_HEAD = 2;

/** Methods that `Request` does not accept. */
const UNSUPPORTED_METHODS = new Set(["CONNECT", "TRACE"]);

/** Characters that would turn a host into another URL. */
const FORBIDDEN_IN_HOST = /[/?#\\@\s]/;

/** Host and port of a URL. */
const AUTHORITY = /^https?:\/\/(?:[^/?#]*@)?([^/?#]*)/i;

/** A header line: name, colon, value. No blank may precede the colon (RFC 9112, section 5.1). */
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*(.*?)[ \t]*$/;

/** Control characters, which no target may contain. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;

/** Reads one head. */
export class HeadParser {
  readonly #parser = new HTTPParser(HTTPParser.REQUEST);
  readonly #isSecure: boolean;
  #parsed: ParsedHead | null = null;
  #byteCount = 0;

  /** @param isSecure Whether the connection is TLS, for the scheme of URLs. */
  constructor(isSecure = false) {
    this.#isSecure = isSecure;
    this.#parser[HTTPParser.kOnHeadersComplete] = (info: ParsedHead): number => {
      this.#parsed = info;
      return STOP_AFTER_HEAD;
    };
    // The library's own function skips lines that it does not understand.
    this.#parser.parseHeader = readHeaderLine;
  }

  /**
   * Parses the next bytes, which are not kept.
   *
   * @returns the head once it is complete, with the number of `bytes` that belong to it; else null.
   * @throws {BadRequestError} The parser must not be used after that.
   */
  push(bytes: Uint8Array): { readonly head: RequestHead; readonly used: number } | null {
    const used = this.#parser.execute(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    );
    this.#byteCount += bytes.length;
    if (used instanceof BadRequestError) throw used;
    if (typeof used !== "number") {
      if (this.#byteCount > MAX_HEAD_BYTES) {
        throw new BadRequestError(
          431,
          `The request head is longer than ${MAX_HEAD_BYTES} bytes`,
        );
      }
      throw new BadRequestError(400, "Not a valid HTTP request", { cause: used });
    }
    return this.#parsed === null ? null : { head: readHead(this.#parsed, this.#isSecure), used };
  }
}

/**
 * Appends the name and the value of a line to `headers`. A line that begins with a blank would
 * continue the one before it; that form is obsolete (RFC 9112, section 5.2).
 */
function readHeaderLine(line: string, headers: string[]): void {
  const [, name, value] = HEADER_LINE.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw new BadRequestError(400, "Invalid header line");
  }
  headers.push(name, value);
}

function readHead(parsed: ParsedHead, isSecure: boolean): RequestHead {
  if (parsed.versionMajor !== 1) throw new BadRequestError(400, "Only HTTP/1 is supported");
  const method = HTTPParser.methods[parsed.method]!;
  if (UNSUPPORTED_METHODS.has(method)) {
    throw new BadRequestError(501, `Method ${method} is not supported`);
  }
  const headers = readHeaders(parsed.headers);
  const isHttp10 = parsed.versionMinor === 0;
  const host = headers.get("host") ?? (isHttp10 ? "localhost" : null);
  if (host === null) throw new BadRequestError(400, "No host");
  const url = readUrl(parsed.url, `${isSecure ? "https" : "http"}://${host}`, host);
  if (!parsed.url.startsWith("/")) headers.set("host", AUTHORITY.exec(url)![1]!);
  return {
    method,
    url,
    headers,
    isHttp10,
    isKept: parsed.shouldKeepAlive,
    hasBody: hasBody(headers),
    readBytes: BODY_METHODS.has(method) ? readBytesOf(headers) : 0,
  };
}

/**
 * Whether a body follows (RFC 9112, section 6.3).
 *
 * @throws {BadRequestError} when it has no clear end.
 */
function hasBody(headers: Headers): boolean {
  const length = headers.get("content-length");
  const coding = headers.get("transfer-encoding");
  if (length !== null && !/^\d+$/.test(length)) {
    throw new BadRequestError(400, "Invalid Content-Length");
  }
  if (coding === null) return Number(length ?? 0) > 0;
  if (length !== null) {
    throw new BadRequestError(400, "Content-Length and Transfer-Encoding exclude each other");
  }
  if (!/(^|[, \t])chunked$/i.test(coding)) {
    throw new BadRequestError(400, "Transfer-Encoding does not end with chunked");
  }
  return true;
}

function readBytesOf(headers: Headers): number {
  const isJson = /^application\/json\s*(?:;|$)/i.test(headers.get("content-type") ?? "");
  const length = Number(headers.get("content-length") ?? 0);
  return isJson && length <= MAX_BODY_BYTES ? length : 0;
}

function readHeaders(namesAndValues: readonly string[]): Headers {
  const headers = new Headers();
  try {
    for (let at = 0; at < namesAndValues.length; at += 2) {
      headers.append(namesAndValues[at]!, namesAndValues[at + 1]!);
    }
  } catch (error) {
    throw new BadRequestError(400, "Invalid header", { cause: error });
  }
  return headers;
}

/** Returns the URL: the target may be absolute, which overrides `Host` (RFC 9112, section 3.2). */
function readUrl(target: string, base: string, host: string): string {
  if (CONTROL.test(target)) throw new BadRequestError(400, "Invalid URL");
  const isPath = target.startsWith("/");
  if (isPath && (host === "" || FORBIDDEN_IN_HOST.test(host))) {
    throw new BadRequestError(400, "Invalid host");
  }
  const url = isPath ? `${base}${target}` : target;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new BadRequestError(400, "Invalid URL");
  }
  return url;
}

/** Returns the path of a request's URL as the client wrote it, without the query. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : stripParams(url.slice(start));
}
