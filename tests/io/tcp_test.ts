import { denoNetwork } from "../../lib/io/tcp.ts";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../helpers/assert.ts";
import { netTest } from "../helpers/loopback.ts";

netTest(
  "denoNetwork.connect() resolves host names and reports unknown ones",
  async () => {
    const listener = denoNetwork.listen({ hostname: "127.0.0.1", port: 0 });
    const { signal } = new AbortController();
    const accepting = listener.accept();
    const client = await denoNetwork.connect(
      { hostname: "localhost", port: listener.port },
      signal,
    );
    const server = await accepting;
    assertEquals(client.remote, `127.0.0.1:${listener.port}`);
    client.close();
    server.close();
    listener.close();
    const missing = { hostname: "no-such-host.invalid", port: 1935 };
    const error = await assertRejects(() => denoNetwork.connect(missing, signal), Error);
    assertStringIncludes(error.message, "no-such-host.invalid");
  },
);

netTest("An IPv4 client of an IPv6 listener has an IPv4 address", async () => {
  const listener = denoNetwork.listen({ hostname: "::", port: 0 });
  const accepting = listener.accept();
  const address = { hostname: "127.0.0.1", port: listener.port };
  const client = await denoNetwork.connect(address, new AbortController().signal);
  const server = await accepting;
  assertMatch(server.remote, /^127\.0\.0\.1:\d+$/);
  client.close();
  server.close();
  listener.close();
});
