import { describeError } from "../base/errors.ts";
import { formatAddress } from "../io/address.ts";
import type { NetAddress } from "../io/transport.ts";

/**
 * An HTTP address that is in use or not permitted. In a file without HTTP's libraries, because
 * programs without HTTP name it, too.
 */
export class HttpListenError extends Error {
  constructor(address: NetAddress, cause: unknown, scheme: "http" | "https" = "http") {
    const url = `${scheme}://${formatAddress(address)}`;
    super(`Cannot listen on ${url}: ${describeError(cause)}`, { cause });
    this.name = "HttpListenError";
  }
}
