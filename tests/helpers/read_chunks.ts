/** Chunked bodies, read as clients read them. */

import { concatBytes } from "../../lib/base/bytes.ts";

/** The bytes in a chunked body as far as it has come, read as clients do (RFC 9112 §7.1.3). */
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
