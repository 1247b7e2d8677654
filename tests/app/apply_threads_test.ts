/** New settings for a running server of two threads. */

import { startThreads } from "../../lib/app/threaded_server.ts";
import { assert, assertEquals, assertRejects } from "../helpers/assert.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { freePort, isAccepting } from "../helpers/ports.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { configOf, type ConfigParts } from "./apply_rig.ts";
import { at, Crowd } from "./crowd.ts";

/** More than enough that the kernel gives some of them to either thread. */
const CLIENTS = 12;

netTest("Service.apply() changes settings in all threads; clients stay", async () => {
  const { logger, lines } = new CollectedLog();
  const levels: string[] = [];
  const server = await startThreads(configOf({ vhosts: "vhost old.test { }" }), 2, {
    logger,
    configureLog: ({ level }) => {
      levels.push(level);
      return null;
    },
  });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.stop());
  const port = server.addresses[0]!.port;
  const apply = async (parts: ConfigParts) => {
    const { applied, needsRestart, failures } = await server.apply(configOf(parts));
    assertEquals([needsRestart, failures], [[], []]);
    return applied.map(({ path }) => path);
  };
  const vhost = "127.0.0.1";
  const crowd = stack.use(
    await Crowd.start({ port, vhost, publishers: 4, playersPerPublisher: 6 }),
  );
  const old = await Promise.all(
    Array.from({ length: CLIENTS }, () => RtmpClient.play(port, "x", at(port, "old.test"))),
  );
  for (const client of old) stack.use(client);

  const added = freePort();
  assertEquals(
    await apply({
      ports: [added],
      origin: "http_remux { enabled on; }",
      vhosts: "vhost new.test { }",
    }),
    ["listen", "vhost __defaultVhost__ http_remux.enabled", "vhost new.test", "vhost old.test"],
  );
  assertEquals(server.addresses.map((address) => address.port), [port, added]);
  for (const client of old) await client.untilEnded();
  // Names that the default vhost has already.
  for (let index = 0; index < 4; index++) {
    const options = at(added, "new.test");
    const publisher = stack.use(await RtmpClient.publish(added, `crowd${index}`, options));
    const player = stack.use(await RtmpClient.play(added, `crowd${index}`, options));
    publisher.push({ typeId: 9, timestampMs: 0, payload: new Uint8Array([0x17, 1, 0, 0, 0]) });
    await player.untilMedia(1);
  }
  await crowd.untilFresh();

  await apply({
    server: "srs_log_level_v2 error;",
    origin: "security { enabled on; deny publish all; }",
  });
  assertEquals(levels.at(-1), "error");
  const quietFrom = lines.length;
  for (let index = 0; index < CLIENTS; index++) {
    await assertRejects(() => RtmpClient.publish(port, `late${index}`), Error, "Publish.");
  }
  assertEquals(lines.slice(quietFrom), [], "no thread logs below error");
  assertEquals(await isAccepting(added).catch(() => false), false);
  await crowd.untilFresh();
});

netTest("Service.apply() changes nothing in any thread when an address is in use", async () => {
  const { logger } = new CollectedLog();
  const server = await startThreads(configOf({}), 2, { logger, configureLog: () => null });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.stop());
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const parts = { ports: [taken.addr.port], origin: "security { enabled on; deny publish all; }" };
  await assertRejects(() => server.apply(configOf(parts)), Error, "ddress already in use");
  const port = server.addresses[0]!.port;
  for (let index = 0; index < CLIENTS; index++) {
    stack.use(await RtmpClient.publish(port, `show${index}`));
  }
});

netTest("Service.apply() adds and removes the API of a server of two threads", async () => {
  const { logger } = new CollectedLog();
  const server = await startThreads(configOf({}), 2, { logger, configureLog: () => null });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.stop());
  const port = freePort();
  await server.apply(configOf({ server: `http_api { enabled on; listen 127.0.0.1:${port}; }` }));
  stack.use(await RtmpClient.publish(server.addresses[0]!.port, "show"));
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/streams`);
  const { streams } = await response.json();
  assertEquals(streams.map(({ name }: { name: string }) => name), ["show"]);
  const { applied } = await server.apply(configOf({}));
  assertEquals(applied.map(({ path }) => path), ["http_api.enabled", "http_api.listen"]);
  assert(!await isAccepting(port).catch(() => false));
});
