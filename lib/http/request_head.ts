/**
 * The head of a request, from bytes as they come. Bodies are nobody's business here: no route reads
 * one, and whoever sends one is told so by the end of the connection. So there is no doubt where
 * the next request begins, and nothing that could be smuggled in between (RFC 9112 §11.2).
 */

import { Buffer } from "node:buffer";
import { HTTPParser } from "http-parser-js";
import { stripParams } from "../base/text.ts";

// Both are settings of the whole program; nobody else uses the parser. Bytes must stay what they
// are: "ascii" takes their upper bit away, so that some would become line ends.
HTTPParser.encoding = "latin1";

/** Longest request line with all headers, in bytes; about what other servers take. */
export const MAX_HEAD_BYTES = 32 * 1024;
HTTPParser.maxHeaderSize = MAX_HEAD_BYTES;

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  /** With scheme and host, whichever way the client wrote it. */
  readonly url: string;
  readonly headers: Headers;
  /** HTTP/1.0: the client takes a connection for closed unless it is told otherwise. */
  readonly isOld: boolean;
  /** Another request may follow on the connection. */
  readonly isKept: boolean;
  /** Something follows that is no head. */
  readonly hasBody: boolean;
}

/** A head that is none, or too long; the text tells the client why. */
export class BadRequestError extends Error {
  /** What the client is answered with. */
  readonly status: 400 | 431 | 501;

  constructor(status: BadRequestError["status"], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.name = "BadRequestError";
    this.status = status;
  }
}

/** What the library tells about a head. */
interface ParsedHead {
  readonly versionMajor: number;
  readonly versionMinor: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Index in the library's list. */
  readonly method: number;
  readonly url: string;
  readonly shouldKeepAlive: boolean;
}

/** To the library: leave the body alone, and stop behind the head. */
const STOP_BEHIND_HEAD = 2;

/** What is no request for anything that is here; `Request` does not take these. */
const STRANGE_METHODS = new Set(["CONNECT", "TRACE"]);

/** What would make another address of it than the one it names. */
const FORBIDDEN_IN_HOST = /[/?#\\@\s]/;

/** Reads one head. */
export class HeadParser {
  readonly #parser = new HTTPParser(HTTPParser.REQUEST);
  #parsed: ParsedHead | null = null;
  #byteCount = 0;

  constructor() {
    this.#parser[HTTPParser.kOnHeadersComplete] = (info: ParsedHead): number => {
      this.#parsed = info;
      return STOP_BEHIND_HEAD;
    };
  }

  /**
   * Takes the next bytes, which are not kept.
   *
   * @returns the head once it is complete, and how many of `bytes` belong to it; null before
   * @throws {BadRequestError} and may not be used any more then
   */
  push(bytes: Uint8Array): { readonly head: RequestHead; readonly used: number } | null {
    const used = this.#parser.execute(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    );
    this.#byteCount += bytes.length;
    if (typeof used !== "number") {
      if (this.#byteCount > MAX_HEAD_BYTES) {
        throw new BadRequestError(
          431,
          `A request may have ${MAX_HEAD_BYTES} bytes, without its body`,
        );
      }
      throw new BadRequestError(400, "This is no HTTP request", { cause: used });
    }
    return this.#parsed === null ? null : { head: readHead(this.#parsed), used };
  }
}

function readHead(parsed: ParsedHead): RequestHead {
  if (parsed.versionMajor !== 1) throw new BadRequestError(400, "Only HTTP/1 is spoken here");
  const method = HTTPParser.methods[parsed.method]!;
  if (STRANGE_METHODS.has(method)) throw new BadRequestError(501, `${method} is not possible here`);
  const headers = readHeaders(parsed.headers);
  const isOld = parsed.versionMinor === 0;
  const host = headers.get("host") ?? (isOld ? "localhost" : "");
  return {
    method,
    url: readUrl(parsed.url, host),
    headers,
    isOld,
    isKept: parsed.shouldKeepAlive,
    hasBody: headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0",
  };
}

function readHeaders(namesAndValues: readonly string[]): Headers {
  const headers = new Headers();
  try {
    for (let at = 0; at < namesAndValues.length; at += 2) {
      headers.append(namesAndValues[at]!, namesAndValues[at + 1]!);
    }
  } catch (error) {
    throw new BadRequestError(400, "Bad header", { cause: error });
  }
  return headers;
}

/** RFC 9112 §3.2: a path, or a whole address, which counts more than the header. */
function readUrl(target: string, host: string): string {
  const isPath = target.startsWith("/");
  if (isPath && (host === "" || FORBIDDEN_IN_HOST.test(host))) {
    throw new BadRequestError(400, "Bad host");
  }
  const url = isPath ? `http://${host}${target}` : target;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new BadRequestError(400, "Bad address");
  }
  return url;
}

/** The path of a request's URL as the client wrote it, without the query. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : stripParams(url.slice(start));
}
