import { BreakableNetwork } from "../../lib/demo/breakable_network.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { assert, assertEquals, assertRejects } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { delay } from "../helpers/until.ts";

const BYTE = new Uint8Array([7]);

Deno.test({
  name:
    "BreakableNetwork keeps the sockets of a frozen server open, and closes those of a killed one",
  ...await needs("net"),
  async fn() {
    const network = new BreakableNetwork(denoNetwork);
    const listener = network.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = listener.accept();
    const client = await denoNetwork.connect(listener, new AbortController().signal);
    const server = await accepting;
    const nextClient = listener.accept();
    nextClient.catch(() => {});

    network.freeze();
    await client.write(BYTE);
    let read: number | null | undefined;
    const reading = server.read(new Uint8Array(1)).then((length) => read = length);
    await delay(20);
    assertEquals(read, undefined, "it reads though it is frozen");
    network.thaw();
    await reading;
    assertEquals(read, 1);

    network.kill();
    assertEquals(await client.read(new Uint8Array(1)).catch(() => null), null);
    await assertRejects(() => server.write(BYTE), Error);
    await assertRejects(() => nextClient, Error);
    client.close();
    assert(listener.port > 0);
  },
});
