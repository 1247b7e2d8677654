import { FailureLog } from "../../lib/server/failure_log.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";

function createRig() {
  const clock = new FakeClock();
  const log = new CollectedLog();
  const logins = new FailureLog({ clock, logger: log.logger, message: "No", fix: "do" });
  const fail = (count: number, ip = "203.0.113.9") => {
    for (let i = 0; i < count; i++) logins.add(ip);
  };
  return { clock, fail, logged: () => log.lines.splice(0).map(({ fields }) => fields.failures) };
}

Deno.test("FailureLog logs the first failures of an address, then fewer and fewer", () => {
  const { fail, logged } = createRig();
  fail(2_500);
  assertEquals(logged(), [1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]);
});

Deno.test("FailureLog counts addresses apart", () => {
  const { fail, logged } = createRig();
  fail(7);
  fail(1, "2001:db8::1");
  assertEquals(logged(), [1, 2, 3, 4, 5, 1]);
});

Deno.test("FailureLog forgets an address after ten minutes without a failure", async () => {
  const { clock, fail, logged } = createRig();
  fail(7);
  await clock.advance(599_999);
  fail(1);
  await clock.advance(600_000);
  fail(1);
  assertEquals(logged(), [1, 2, 3, 4, 5, 1]);
});

Deno.test("FailureLog remembers a thousand addresses", () => {
  const { fail, logged } = createRig();
  fail(7, "192.0.2.1");
  for (let i = 0; i < 999; i++) fail(1, `10.0.${i >> 8}.${i & 255}`);
  logged();
  fail(1, "192.0.2.1");
  assertEquals(logged(), []);
  fail(1, "192.0.2.2");
  fail(1, "10.0.0.0");
  assertEquals(logged(), [1, 1], "the oldest address is forgotten");
});
