import { StartError } from "../app/start_error.ts";
import { describeError } from "../base/errors.ts";
import type { Config, ListenAddress } from "../config/config.ts";
import { HttpListenError } from "../http/http_listen_error.ts";
import { formatAddress } from "../io/address.ts";

/**
 * Returns the error with a fix, if it is about an address of `config` that cannot be listened on;
 * otherwise as it is.
 */
export function explainListenError(error: unknown, config: Config): unknown {
  if (error instanceof HttpListenError) return cannotListenOnHttp(error);
  if (error instanceof StartError || !isAboutAddress(error)) return error;
  const { listen, rtmps } = config;
  const all = [...listen, ...(rtmps.enabled ? rtmps.listen : [])];
  const addresses = all.map(formatAddress).join(", ");
  return new StartError(
    `Cannot listen on ${addresses}: ${describeError(error)}`,
    fixFor(error, all),
    { cause: error },
  );
}

function isAboutAddress(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.AddrNotAvailable ||
    error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable ||
    // Worker threads pass on only the text.
    /\bos error \d+\b/.test(describeError(error));
}

function cannotListenOnHttp(error: HttpListenError): StartError {
  const fix = error.cause instanceof Deno.errors.AddrInUse
    ? "stop the program that uses the port, or write another port after listen in that block"
    : "write an address of this machine and a port you may use after listen in that block";
  return new StartError(`${error.message} (http_api or http_server)`, fix, { cause: error });
}

function fixFor(error: unknown, addresses: readonly ListenAddress[]): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "stop the program that uses the port, or choose another one with --listen";
  }
  if (error instanceof Deno.errors.PermissionDenied && addresses.some(({ port }) => port < 1024)) {
    return "ports below 1024 need root or CAP_NET_BIND_SERVICE; or choose a higher one with --listen";
  }
  return "choose an address of this machine with --listen";
}
