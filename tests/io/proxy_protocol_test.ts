import { encodeUtf8 } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { readProxyHeader } from "../../lib/io/proxy_protocol.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** Section 2.2 of proxy-protocol.txt: signature, then version and command. */
const V2 = "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a";

/** Headers written by hand from the specification, and the client that they name. */
const HEADERS: readonly { what: string; bytes: Uint8Array; client: string | null }[] = [
  {
    what: "version 1, TCP4",
    bytes: encodeUtf8("PROXY TCP4 203.0.113.7 198.51.100.1 56324 1935\r\n"),
    client: "203.0.113.7 56324",
  },
  {
    what: "version 1, TCP6 (the longest of its examples)",
    bytes: encodeUtf8(
      "PROXY TCP6 ffff:f:f:f:f:f:f:ffff ffff:f:f:f:f:f:f:ffff 65535 65535\r\n",
    ),
    client: "ffff:f:f:f:f:f:f:ffff 65535",
  },
  {
    what: "version 1, UNKNOWN alone",
    bytes: encodeUtf8("PROXY UNKNOWN\r\n"),
    client: null,
  },
  {
    what: "version 1, UNKNOWN with 107 bytes, the longest line",
    bytes: encodeUtf8(
      "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
    ),
    client: null,
  },
  {
    what: "version 2, PROXY, TCP over IPv4",
    bytes: hex(`${V2} 21 11 00 0c cb 00 71 07 c6 33 64 01 dc 04 07 8f`),
    client: "203.0.113.7 56324",
  },
  {
    what: "version 2, PROXY, TCP over IPv6",
    bytes: hex(
      `${V2} 21 21 00 24 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07
       20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 dc 04 07 8f`,
    ),
    client: "2001:db8::7 56324",
  },
  {
    what: "version 2, an IPv4 client of an IPv6 balancer",
    bytes: hex(
      `${V2} 21 21 00 24 00 00 00 00 00 00 00 00 00 00 ff ff cb 00 71 07
       20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 dc 04 07 8f`,
    ),
    client: "203.0.113.7 56324",
  },
  {
    what: "version 2, with the TLVs of an AWS NLB (VPC endpoint, then NOOP padding)",
    bytes: hex(
      `${V2} 21 11 00 1a cb 00 71 07 c6 33 64 01 dc 04 07 8f
       ea 00 05 01 76 70 63 65 04 00 03 00 00 00`,
    ),
    client: "203.0.113.7 56324",
  },
  {
    what: "version 2, LOCAL: a health check, whose addresses count for nothing",
    bytes: hex(`${V2} 20 11 00 0c cb 00 71 07 c6 33 64 01 dc 04 07 8f`),
    client: null,
  },
  { what: "version 2, LOCAL without addresses", bytes: hex(`${V2} 20 00 00 00`), client: null },
  { what: "version 2, UNSPEC", bytes: hex(`${V2} 21 00 00 00`), client: null },
  {
    what: "version 2, a UNIX socket",
    bytes: new Uint8Array([...hex(`${V2} 21 31 00 d8`), ...new Uint8Array(216)]),
    client: null,
  },
];

for (const { what, bytes, client } of HEADERS) {
  Deno.test(`readProxyHeader() reads ${what}, and nothing after it`, () => {
    const withPayload = new Uint8Array([...bytes, 3, 3, 3]);
    for (let end = 1; end < bytes.length; end++) {
      assertEquals(readProxyHeader(withPayload.slice(0, end)), null, `first ${end} bytes`);
    }
    for (let end = bytes.length; end <= withPayload.length; end++) {
      const header = readProxyHeader(withPayload.slice(0, end))!;
      const found = header.client === null
        ? null
        : `${header.client.hostname} ${header.client.port}`;
      assertEquals([found, header.bytes], [client, bytes.length]);
    }
  });
}

const REFUSED: readonly { what: string; bytes: Uint8Array; code: string; reason: string }[] = [
  ...[
    { what: "an RTMP handshake", bytes: hex("03") },
    { what: "an HTTP request", bytes: encodeUtf8("POST") },
    { what: "TLS", bytes: hex("16 03 01") },
    { what: "the signature of version 2 with one wrong byte", bytes: hex("0d 0a 0d 0a 01") },
  ].map((each) => ({ ...each, code: "proxy.missing", reason: "No PROXY protocol header" })),
  ...[
    { what: "a line without CR", text: "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", reason: "another form" },
    { what: "UDP", text: "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", reason: "another form" },
    { what: "two blanks", text: "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", reason: "another form" },
    { what: "no port", text: "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", reason: "another form" },
    { what: "a name", text: "PROXY TCP4 a.example 1.2.3.4 1 2\r\n", reason: "not valid" },
    { what: "IPv6 as TCP4", text: "PROXY TCP4 ::1 ::1 1 2\r\n", reason: "not valid" },
    { what: "port 65536", text: "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", reason: "not valid" },
    { what: "an endless line", text: `PROXY UNKNOWN ${"x".repeat(93)}`, reason: "does not end" },
  ].map(({ what, text, reason }) => ({
    ...{ what: `version 1: ${what}`, bytes: encodeUtf8(text), code: "proxy.invalid", reason },
  })),
  ...[
    { what: "version 3", bytes: "31 11 00 0c", reason: "byte 12 of version 2 is 0x31" },
    { what: "an unknown command", bytes: "22 11 00 0c", reason: "byte 12 of version 2 is 0x22" },
    { what: "more than 4,096 bytes", bytes: "21 11 0f f1", reason: "it has 4097 bytes" },
    {
      what: "a cut address",
      bytes: "21 11 00 0b 00 00 00 00 00 00 00 00 00 00 00",
      reason: "short",
    },
  ].map(({ what, bytes, reason }) => ({
    ...{
      what: `version 2: ${what}`,
      bytes: hex(`${V2} ${bytes}`),
      code: "proxy.invalid",
      reason,
    },
  })),
];

for (const { what, bytes, code, reason } of REFUSED) {
  Deno.test(`readProxyHeader() refuses ${what}`, () => {
    const error = assertThrows(() => readProxyHeader(bytes), WireError, reason);
    assertEquals(error.code, code);
  });
}
