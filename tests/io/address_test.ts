import { formatAddress, ipOf, withoutMapping } from "../../lib/io/address.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("formatAddress() puts brackets around an IPv6 address only", () => {
  assertEquals(formatAddress({ hostname: "127.0.0.1", port: 1935 }), "127.0.0.1:1935");
  assertEquals(formatAddress({ hostname: "origin.example", port: 1 }), "origin.example:1");
  assertEquals(formatAddress({ hostname: "::1", port: 1935 }), "[::1]:1935");
});

Deno.test("ipOf() drops the port, and the brackets of an IPv6 address", () => {
  assertEquals(ipOf("203.0.113.9:52114"), "203.0.113.9");
  assertEquals(ipOf("[2001:db8::1]:52114"), "2001:db8::1");
});

for (
  const [hostname, plain] of [
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::FFFF:203.0.113.9", "203.0.113.9"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["2001:db8::ffff:1", "2001:db8::ffff:1"],
  ] as const
) {
  Deno.test(`withoutMapping() returns ${plain} for ${hostname}`, () => {
    assertEquals(withoutMapping(hostname), plain);
  });
}
