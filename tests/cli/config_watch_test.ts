/** Which changes of files cause a reload, and when. */

import { ConfigWatch } from "../../lib/cli/config_watch.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

function createRig() {
  const clock = new FakeClock();
  const changes: string[] = [];
  const rig = { isOn: true, state: null as string | null };
  const watch = new ConfigWatch({
    source: {
      findChange: () =>
        Promise.resolve(rig.state === null ? null : { path: "a.conf", state: rig.state }),
    },
    clock,
    isOn: () => rig.isOn,
    onChange: (path) => changes.push(path),
  });
  watch.start();
  return Object.assign(rig, { clock, watch, changes });
}

Deno.test("ConfigWatch reports a change when the files are at rest for a second", async () => {
  const rig = createRig();
  await rig.clock.advance(5_000);
  assertEquals(rig.changes, []);
  for (const state of ["half", "more", "whole"]) {
    rig.state = state;
    await rig.clock.advance(1_000);
    assertEquals(rig.changes, [], "still being written");
  }
  await rig.clock.advance(1_000);
  assertEquals(rig.changes, ["a.conf"]);
  rig.watch.stop();
});

Deno.test("ConfigWatch forgets a change that was loaded meanwhile", async () => {
  const rig = createRig();
  rig.state = "new";
  await rig.clock.advance(1_000);
  rig.state = null;
  await rig.clock.advance(1_000);
  rig.state = "new";
  await rig.clock.advance(1_000);
  assertEquals(rig.changes, []);
  rig.watch.stop();
});

Deno.test("ConfigWatch reports nothing while it is off, and nothing once it is stopped", async () => {
  const rig = createRig();
  rig.isOn = false;
  rig.state = "new";
  await rig.clock.advance(5_000);
  assertEquals(rig.changes, []);
  rig.isOn = true;
  await rig.clock.advance(2_000);
  assertEquals(rig.changes, ["a.conf"]);
  rig.watch.stop();
  await rig.clock.advance(5_000);
  assertEquals(rig.changes, ["a.conf"]);
});
