import { concatBytes } from "../../lib/base/bytes.ts";

/** Decodes a chunked HTTP body, complete or not, like a client (RFC 9112 §7.1.3). */
export function readChunks(body: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const headEnd = body.indexOf(0x0a, at) + 1;
    const size = parseInt(new TextDecoder().decode(body.subarray(at, headEnd)), 16);
    pieces.push(body.subarray(headEnd, headEnd + size));
    at = headEnd + size + 2;
  }
  return concatBytes(pieces);
}
