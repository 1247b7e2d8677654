import { denoResolver } from "../../lib/io/dns.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { DnsServer } from "../helpers/dns_server.ts";
import { needs } from "../helpers/permissions.ts";

const granted = await needs("net");

function optionsFor({ port }: DnsServer) {
  return { server: { hostname: "127.0.0.1", port }, signal: new AbortController().signal };
}

Deno.test({
  ...granted,
  name: "denoResolver returns the IPv4 addresses of a name, and IPv6 addresses without those",
  async fn() {
    await using dns = await DnsServer.start();
    dns.zones.set("both.example", { a: ["127.0.0.2", "127.0.0.3"], aaaa: ["fd00::1"] });
    dns.zones.set("six.example", { aaaa: ["fd00::1"] });
    const both = await denoResolver.addresses("both.example", optionsFor(dns));
    assertEquals(both.toSorted(), ["127.0.0.2", "127.0.0.3"]);
    assertEquals(await denoResolver.addresses("six.example", optionsFor(dns)), ["fd00::1"]);
    await assertRejects(() => denoResolver.addresses("none.example", optionsFor(dns)), Error);
  },
});

Deno.test({
  ...granted,
  name: "denoResolver returns the SRV records of a name",
  async fn() {
    await using dns = await DnsServer.start();
    const record = { priority: 1, weight: 20, port: 1935, target: "one.example." };
    dns.zones.set("_rtmp._tcp.example", { srv: [record] });
    assertEquals(await denoResolver.services("_rtmp._tcp.example", optionsFor(dns)), [record]);
  },
});

Deno.test({
  ...granted,
  name: "denoResolver stops waiting when it is told to",
  async fn() {
    const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const server = { hostname: "127.0.0.1", port: silent.addr.port };
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const asking = denoResolver.addresses("a.example", { server, signal: abort.signal });
    await assertRejects(() => asking, Error);
    silent.close();
  },
});
