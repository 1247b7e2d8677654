import { assertEquals } from "../helpers/assert.ts";
import { isCidr, isHostName, isIp, parsePort, splitHostPort } from "../../lib/config/address.ts";

Deno.test("isIp() recognises IP addresses", () => {
  const yes = ["0.0.0.0", "255.255.255.255", "::", "::1", "fe80::1:2", "::ffff:10.0.0.1"];
  const no = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "1.2.3.x",
    ":",
    ":::",
    "1::2::3",
    "g::",
    "::1%lo",
  ];
  for (const text of yes) assertEquals([text, isIp(text)], [text, true]);
  for (const text of no) assertEquals([text, isIp(text)], [text, false]);
});

Deno.test("isCidr() checks address and prefix", () => {
  const yes = ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "fd00::/128"];
  const no = [
    "10.0.0.0",
    "10.0.0.0/",
    "10.0.0.0/33",
    "::/129",
    "/8",
    "10.0.0.0/8/8",
    "10.0.0/8",
    "a/8",
  ];
  for (const text of yes) assertEquals([text, isCidr(text)], [text, true]);
  for (const text of no) assertEquals([text, isCidr(text)], [text, false]);
});

Deno.test("isHostName() recognises host names", () => {
  const yes = ["a", "localhost", "a-b.example.com", "origin_1", "3com.example", "example.com."];
  const no = ["", ".", "-a", "a-", "a..b", "a b", "ü.example", "1.2.3.4", "123", "a".repeat(254)];
  for (const text of yes) assertEquals([text, isHostName(text)], [text, true]);
  for (const text of no) assertEquals([text, isHostName(text)], [text, false]);
});

Deno.test("isHostName() takes linear time for a long text that is almost a name", () => {
  assertEquals(isHostName(`${"a-".repeat(120)}!`), false);
});

Deno.test("splitHostPort() splits every form", () => {
  const forms: readonly (readonly [string, string, string | undefined])[] = [
    ["a", "a", undefined],
    ["a:1", "a", "1"],
    ["a:", "a", ""],
    ["::1", "::1", undefined],
    ["[::1]", "::1", undefined],
    ["[::1]:2", "::1", "2"],
    ["[::1]x", "[::1]x", undefined],
  ];
  for (const [text, hostname, port] of forms) {
    assertEquals(splitHostPort(text), { hostname, port });
  }
});

Deno.test("parsePort() accepts only decimal ports in range", () => {
  assertEquals(["1", "65535", "01935"].map((text) => parsePort(text, 1)), [1, 65535, 1935]);
  const bad = ["0", "65536", "-1", "1e3", "0x10", " 1", "", "100000"];
  assertEquals(bad.filter((text) => parsePort(text, 1) !== undefined), []);
  assertEquals(parsePort("0", 0), 0);
});
