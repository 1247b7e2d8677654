/** Answers on their way out: head, and a body whose length is told before it. */

import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import { concatBytes } from "../base/bytes.ts";
import type { Transport } from "../io/transport.ts";

/** Statuses that have no body (RFC 9110 §6.4.1). */
const BODILESS = new Set([204, 304]);

/** A head and a piece of its body up to this size, in bytes, go out as one. */
const MAX_JOINED_BYTES = 32 * 1024;

/** How an answer is written. */
export interface ResponseWriterOptions {
  readonly transport: Pick<Transport, "write">;
  /** The request was a HEAD. */
  readonly isHead: boolean;
  /** Value of the `Connection` header; null for none. */
  readonly connection: "close" | "keep-alive" | null;
  /** Bytes are on their way to the client; called for every write that was taken. */
  readonly onProgress: () => void;
}

/**
 * Writes an answer. One without `Content-Length` is read whole first: only what is short goes
 * without.
 *
 * @throws when the connection breaks, the body fails or is not as long as it says
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

/** Writes the head of an answer whose body somebody else writes. */
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
      if (left < 0) throw new Error(`The body is ${-left} bytes longer than it says`);
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

/** Status line and headers. Names and values cannot hold line ends: `Headers` takes none. */
function encodeHead(response: Response, options: ResponseWriterOptions): Uint8Array {
  const { status, headers } = response;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  // A cache counts an answer's age from here, so it is the time of the answer and not of some
  // second.
  if (!headers.has("date")) lines.push(`date: ${new Date().toUTCString()}`);
  if (options.connection !== null) lines.push(`connection: ${options.connection}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}
