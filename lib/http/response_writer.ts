/** Writes responses: the head, and a body of known length. */

import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import { concatBytes } from "../base/bytes.ts";
import type { Transport } from "../io/transport.ts";

/** Statuses without a body (RFC 9110, section 6.4.1). */
const BODILESS = new Set([204, 304]);

/** A head and a piece of body up to this size, in bytes, are written together. */
const MAX_JOINED_BYTES = 32 * 1024;

/** How a response is written. */
export interface ResponseWriterOptions {
  readonly transport: Pick<Transport, "write">;
  /** Whether the request was a HEAD. */
  readonly isHead: boolean;
  /** Value of the `Connection` header; null for none. */
  readonly connection: "close" | "keep-alive" | null;
  /** Called for each write that the socket took. */
  readonly onProgress: () => void;
}

/**
 * Writes a response. A body without `Content-Length`, which must be short, is read whole first.
 *
 * @throws when the connection breaks, or the body fails or differs from its length.
 */
export async function writeResponse(
  response: Response,
  options: ResponseWriterOptions,
): Promise<void> {
  const { isHead } = options;
  if (isHead || BODILESS.has(response.status)) {
    await response.body?.cancel();
    return writeAll([encodeHead(response, options)], options);
  }
  if (response.headers.has("content-length")) return writeStreamed(response, options);
  const body = await response.bytes();
  response.headers.set("content-length", String(body.length));
  await writeAll([encodeHead(response, options), body], options);
}

/** Writes the head of a response whose body is written by the new owner of the connection. */
export function writeHeadOnly(response: Response, options: ResponseWriterOptions): Promise<void> {
  return writeAll([encodeHead(response, options)], options);
}

async function writeStreamed(response: Response, options: ResponseWriterOptions): Promise<void> {
  let left = Number(response.headers.get("content-length"));
  let unsent: Uint8Array[] = [encodeHead(response, options)];
  const reader = response.body?.getReader();
  try {
    while (left > 0) {
      const piece = await reader?.read();
      if (piece?.value === undefined) throw new Error(`The body ended ${left} bytes early`);
      left -= piece.value.length;
      if (left < 0) throw new Error(`The body is ${-left} bytes longer than its Content-Length`);
      await writeAll([...unsent, piece.value], options);
      unsent = [];
    }
    await writeAll(unsent, options);
  } finally {
    await reader?.cancel();
  }
}

async function writeAll(
  pieces: readonly Uint8Array[],
  options: ResponseWriterOptions,
): Promise<void> {
  const count = pieces.reduce((sum, { length }) => sum + length, 0);
  for (const bytes of count <= MAX_JOINED_BYTES ? [concatBytes(pieces)] : pieces) {
    for (let at = 0; at < bytes.length;) {
      at += await options.transport.write(bytes.subarray(at));
      options.onProgress();
    }
  }
}

/** Returns status line and headers. `Headers` accepts no line ends in names and values. */
function encodeHead(response: Response, options: ResponseWriterOptions): Uint8Array {
  const { status, headers } = response;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  // The exact time of the response: caches compute its age from it.
  if (!headers.has("date")) lines.push(`date: ${new Date().toUTCString()}`);
  if (options.connection !== null) lines.push(`connection: ${options.connection}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
