import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { ProxiedTransport } from "../../lib/io/proxied_transport.ts";
import type { Transport } from "../../lib/io/transport.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { createConnection } from "../helpers/memory_network.ts";
import { feedAtEverySplit } from "../helpers/split.ts";

const PAYLOAD = encodeUtf8("the client's first bytes");
const V1 = encodeUtf8("PROXY TCP4 203.0.113.7 198.51.100.1 56324 1935\r\n");
const V2 = hex(
  `0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 21 00 24
   20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 07
   20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 dc 04 07 8f`,
);

/** Returns what is read until the end, with a buffer that is smaller than the payload. */
async function readAll(transport: Transport): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(7);
  while (true) {
    const count = await transport.read(buffer);
    if (count === null) return concatBytes(parts);
    parts.push(buffer.slice(0, count));
  }
}

for (
  const { name, header, remote } of [
    { name: "version 1", header: V1, remote: "203.0.113.7:56324" },
    { name: "version 2", header: V2, remote: "[2001:db8::7]:56324" },
  ]
) {
  Deno.test(`ProxiedTransport takes header and payload apart at every split, ${name}`, async () => {
    const runs: Promise<void>[] = [];
    feedAtEverySplit(concatBytes([header, PAYLOAD]), (chunks) => {
      runs.push(check(chunks.filter(({ length }) => length > 0), remote));
    });
    await Promise.all(runs);
  });
}

async function check(chunks: readonly Uint8Array[], remote: string): Promise<void> {
  const { client, server } = createConnection("10.0.0.1");
  const transport = new ProxiedTransport(server);
  assertEquals(transport.remote, "10.0.0.1:50000");
  const prepared = transport.prepare();
  for (const chunk of chunks) await client.write(chunk);
  assertEquals([await prepared, transport.remote], [true, remote]);
  client.close();
  assertEquals(await readAll(transport), PAYLOAD);
}

Deno.test("ProxiedTransport keeps the load balancer's address for its health checks", async () => {
  const { client, server } = createConnection("10.0.0.1");
  const transport = new ProxiedTransport(server);
  await client.write(hex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 20 00 00 00"));
  assertEquals([await transport.prepare(), transport.remote], [true, "10.0.0.1:50000"]);
});

Deno.test("ProxiedTransport.prepare() tells a silent end from one within the header", async () => {
  const silent = createConnection();
  silent.client.close();
  assertEquals(await new ProxiedTransport(silent.server).prepare(), false);
  const cut = createConnection();
  await cut.client.write(V1.slice(0, 9));
  cut.client.close();
  const error = await assertRejects(() => new ProxiedTransport(cut.server).prepare(), WireError);
  assertEquals(error.message, "The connection ended within the PROXY header");
});
