/** `max_connections` against the process' limit of open files. */

import { fitDescriptors } from "../../lib/app/descriptors.ts";
import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { load } from "../config/helpers.ts";
import { CollectedLog } from "../helpers/local_server.ts";

for (
  const { wanted, free, maxConnections, apiReserve } of [
    { wanted: 1000, free: 1128, maxConnections: 1000, apiReserve: 0 },
    { wanted: 1000, free: 1127, maxConnections: 999, apiReserve: 32 },
    { wanted: 1000, free: 400, maxConnections: 272, apiReserve: 32 },
    { wanted: 1000, free: 43, maxConnections: 22, apiReserve: 5 },
    { wanted: 10, free: 43, maxConnections: 10, apiReserve: 5 },
    { wanted: 1000, free: 1, maxConnections: 1, apiReserve: 0 },
    { wanted: 1, free: 0, maxConnections: 1, apiReserve: 0 },
  ]
) {
  Deno.test(`fitDescriptors() gives ${maxConnections} of ${free} to ${wanted} clients`, () => {
    const { config } = load(`listen 1935; max_connections ${wanted}; vhost a { }`);
    const log = new CollectedLog();
    const countFree = (most: number) => Math.min(most, free);
    const fitted = fitDescriptors(config, log.logger, { countFree });
    assertEquals(fitted, { ...config, maxConnections, apiReserve });
    // Those that clients have already are free for clients.
    const inUse = Math.min(20, free);
    const countRest = (most: number) => Math.min(most, free - inUse);
    assertEquals(fitDescriptors(config, log.logger, { countFree: countRest, inUse }), fitted);
    assertEquals(log.urgent.length, maxConnections < wanted ? 2 : 0);
  });
}

Deno.test("fitDescriptors() says what to raise when there are too few descriptors", () => {
  const { config } = load("listen 1935; max_connections 1000; vhost a { }");
  const log = new CollectedLog();
  fitDescriptors(config, log.logger, { countFree: () => 400 });
  const [{ message, fields }] = log.urgent as [typeof log.urgent[0]];
  assertEquals(message, "max_connections 1000 is too high: there are 400 file descriptors");
  assertEquals(fields["limit"], 272);
  assertMatch(String(fields["fix"]), /\(ulimit -n, LimitNOFILE of systemd\) to 1256,/);
});
