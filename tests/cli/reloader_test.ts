/** Which requests share a reload, and how failures are reported. */

import { Reloader } from "../../lib/cli/reloader.ts";
import type { Service } from "../../lib/app/service.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { CollectedLog } from "../helpers/local_server.ts";

/** A service that applies settings when the test lets it. */
function createRig() {
  const log = new CollectedLog();
  const started = Promise.withResolvers<Service>();
  const applying: PromiseWithResolvers<void>[] = [];
  let loads = 0;
  const service = {
    async apply() {
      const gate = Promise.withResolvers<void>();
      applying.push(gate);
      await gate.promise;
      return { applied: [], needsRestart: [], failures: [] };
    },
  } as unknown as Service;
  const config = defaultConfig();
  const reloader = new Reloader({
    source: {
      load() {
        loads++;
        return { config, warnings: [] };
      },
    },
    service: started.promise,
    logger: log.logger,
    manager: { reloading() {}, ready() {} },
    loaded: config,
    fitted: config,
  });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  return {
    reloader,
    log,
    applying,
    settle,
    start: () => started.resolve(service),
    loadCount: () => loads,
  };
}

Deno.test("Reloader loads once for all requests that wait for the start or another reload", async () => {
  const { reloader, applying, settle, start, loadCount, log } = createRig();
  const early = [reloader.reload("a"), reloader.reload("b")];
  await settle();
  assertEquals(loadCount(), 0);
  start();
  await settle();
  assertEquals(loadCount(), 1);
  const later = Array.from({ length: 100 }, (_, index) => reloader.reload(`later ${index}`));
  await settle();
  assertEquals(loadCount(), 1, "the second one waits for the first");
  applying[0]!.resolve();
  await Promise.all(early);
  await settle();
  assertEquals(loadCount(), 2, "a file that has changed since is read again");
  applying[1]!.resolve();
  await Promise.all(later);
  assertEquals(loadCount(), 2);
  assertEquals(log.lines.map(({ fields }) => fields["cause"]), ["a", "later 0"]);
});

Deno.test("Reloader reports that nothing has changed when settings cannot be applied", async () => {
  const { reloader, applying, settle, start, log } = createRig();
  start();
  const report = reloader.reload("test");
  await settle();
  assertEquals(reloader.lastReload?.report, null);
  applying[0]!.reject(new Deno.errors.AddrInUse("Address already in use (os error 98)"));
  const problem = "Cannot listen on 0.0.0.0:1935: Address already in use (os error 98): " +
    "stop the program that uses the port, or choose another one with --listen";
  assertEquals(await report, { type: "refused", problems: [problem] });
  assertEquals(reloader.lastReload?.report, await report);
  assertEquals(log.urgent.length, 2);
  assertStringIncludes(log.urgent[0]!.message, "the old one stays in force");
  // The next one is not held up.
  const next = reloader.reload("test");
  await settle();
  applying[1]!.resolve();
  assertEquals((await next).type, "applied");
});
