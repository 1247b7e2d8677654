/** IP addresses against patterns. */

import { matchesAddress } from "../../lib/config/address_match.ts";
import { assertEquals } from "../helpers/assert.ts";

const MATCHES: readonly (readonly [pattern: string, ip: string, matches: boolean])[] = [
  ["all", "203.0.113.9", true],
  ["all", "", true],
  ["10.0.0.7", "10.0.0.7", true],
  ["10.0.0.7", "10.0.0.70", false],
  ["10.0.0.7", "10.0.0.8", false],
  ["10.0.0.0/8", "10.255.255.255", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.1.2.3/8", "10.9.9.9", true], // bits after the prefix do not count
  ["192.168.1.128/25", "192.168.1.128", true],
  ["192.168.1.128/25", "192.168.1.127", false],
  ["192.168.1.0/23", "192.168.0.255", true],
  ["192.168.1.4/31", "192.168.1.5", true],
  ["192.168.1.4/31", "192.168.1.6", false],
  ["192.168.1.4/32", "192.168.1.4", true],
  ["192.168.1.4/32", "192.168.1.5", false],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "2001:db8::1", false],
  ["255.255.255.255", "255.255.255.255", true],
  ["2001:db8::/32", "2001:db8:ffff::1", true],
  ["2001:db8::/32", "2001:db9::", false],
  ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", true],
  ["2001:db8::1", "2001:db8::2", false],
  ["::/0", "2001:db8::1", true],
  ["::/0", "203.0.113.9", false],
  ["::1", "::1", true],
  ["::", "::", true],
  ["fe80::/10", "febf::1", true],
  ["fe80::/10", "fec0::1", false],
  ["10.0.0.0/8", "::ffff:10.1.2.3", true], // an IPv4 client on an IPv6 socket
  ["10.0.0.0/8", "::FFFF:10.1.2.3", true],
  ["10.0.0.0/8", "::ffff:11.1.2.3", false],
  ["::ffff:10.0.0.7", "10.0.0.7", true],
  ["10.0.0.7", "", false],
  ["10.0.0.7", "not an address", false],
  ["10.0.0.7", "10.0.0.256", false],
  ["2001:db8::1", "2001:db8:::1", false],
  ["2001:db8::1", "2001:db8::1::", false],
  ["2001:db8::1", "1:2:3:4:5:6:7:8:9", false],
];

for (const [pattern, ip, matches] of MATCHES) {
  Deno.test(`matchesAddress() is ${matches} for ${pattern} and "${ip}"`, () => {
    assertEquals(matchesAddress(pattern, ip), matches);
  });
}
