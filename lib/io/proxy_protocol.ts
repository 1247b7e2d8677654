import { decodeUtf8, encodeUtf8 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import { isIp } from "../config/address.ts";
import type { NetAddress } from "./transport.ts";

/** A header of the PROXY protocol. */
interface ProxyHeader {
  /** The client's address; null when the load balancer speaks for itself or does not know it. */
  readonly client: NetAddress | null;
  /** Length of the header. What follows is the client's. */
  readonly bytes: number;
}

/** Longest header that is read. Version 1 has 107 bytes at most; TLVs of version 2 may be long. */
export const MAX_PROXY_HEADER_BYTES = 4096;

const V1_PREFIX = encodeUtf8("PROXY ");
const V1_MAX_BYTES = 107;
const V1_LINE = /^PROXY (?:UNKNOWN(?: .*)?|(TCP[46]) (\S+) (\S+) (\d{1,5}) (\d{1,5}))$/;

const V2_SIGNATURE = encodeUtf8("\r\n\r\n\0\r\nQUIT\n");
/** Signature, version and command, family and protocol, length. */
const V2_FIXED_BYTES = 16;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;

const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads the header of the PROXY protocol, version 1 or 2, that a load balancer sends before the
 * client's first byte (haproxy.org, doc/proxy-protocol.txt). The command LOCAL, UNKNOWN, and
 * families other than TCP over IPv4 and IPv6 name no client. TLVs are skipped.
 *
 * @param bytes Everything received so far.
 * @returns null while the header is incomplete.
 * @throws {WireError} `proxy.missing` at the first byte that belongs to no header; `proxy.invalid`
 *   for a header that breaks the protocol, or is longer than {@linkcode MAX_PROXY_HEADER_BYTES}.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | null {
  if (startsAlike(bytes, V1_PREFIX)) return readV1(bytes);
  if (startsAlike(bytes, V2_SIGNATURE)) return readV2(bytes);
  throw new WireError(
    "proxy.missing",
    "No PROXY protocol header, which an address in proxy_protocol must send",
    {
      offset: 0,
      fix: "turn it on in the load balancer (HAProxy: send-proxy-v2), or remove the address",
    },
  );
}

/** Whether both are equal as far as they reach. */
function startsAlike(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.subarray(0, prefix.length).every((byte, index) => byte === prefix[index]);
}

function readV1(bytes: Uint8Array): ProxyHeader | null {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf(LF);
  if (end < 0) {
    if (bytes.length >= V1_MAX_BYTES) throw invalid("the line of version 1 does not end");
    return null;
  }
  const line = decodeUtf8(bytes.subarray(0, end - 1));
  const match = bytes[end - 1] === CR ? V1_LINE.exec(line) : null;
  if (match === null) throw invalid("the line of version 1 has another form");
  const [, family, hostname, target, port, targetPort] = match;
  const used = end + 1;
  if (family === undefined) return { client: null, bytes: used };
  const isValid = [hostname, target].every((text) => isOfFamily(text!, family)) &&
    [port, targetPort].every((text) => Number(text) <= 65535);
  if (!isValid) throw invalid("its addresses are not valid");
  return { client: { hostname: hostname!, port: Number(port) }, bytes: used };
}

function isOfFamily(text: string, family: string): boolean {
  return isIp(text) && text.includes(":") === (family === "TCP6");
}

function readV2(bytes: Uint8Array): ProxyHeader | null {
  if (bytes.length < V2_FIXED_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const command = view.getUint8(12);
  if (command !== V2_LOCAL && command !== V2_PROXY) {
    throw invalid(`byte 12 of version 2 is 0x${command.toString(16).padStart(2, "0")}`);
  }
  const length = view.getUint16(14);
  const used = V2_FIXED_BYTES + length;
  if (used > MAX_PROXY_HEADER_BYTES) throw invalid(`it has ${used} bytes`);
  if (bytes.length < used) return null;
  if (command === V2_LOCAL) return { client: null, bytes: used };
  return { client: readV2Client(view, length), bytes: used };
}

/** Source address, destination address, source port, destination port. */
function readV2Client(view: DataView, length: number): NetAddress | null {
  const family = view.getUint8(13);
  if (family !== V2_TCP4 && family !== V2_TCP6) return null;
  const size = family === V2_TCP4 ? 4 : 16;
  if (length < 2 * size + 4) throw invalid("it is too short for its addresses");
  return {
    hostname: family === V2_TCP4 ? formatIpv4(view) : formatIpv6(view),
    port: view.getUint16(V2_FIXED_BYTES + 2 * size),
  };
}

function formatIpv4(view: DataView): string {
  return [0, 1, 2, 3].map((at) => view.getUint8(V2_FIXED_BYTES + at)).join(".");
}

/** As sockets name it: an IPv4-mapped address in dotted form, any other in the shortest form. */
function formatIpv6(view: DataView): string {
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => view.getUint16(V2_FIXED_BYTES + at));
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xFFFF;
  if (isMapped) {
    return [12, 13, 14, 15].map((at) => view.getUint8(V2_FIXED_BYTES + at)).join(".");
  }
  const text = groups.map((group) => group.toString(16)).join(":");
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function invalid(reason: string): WireError {
  return new WireError("proxy.invalid", `Cannot read PROXY protocol header: ${reason}`, {
    offset: 0,
    fix: "check that the address in proxy_protocol is that of a load balancer",
  });
}
