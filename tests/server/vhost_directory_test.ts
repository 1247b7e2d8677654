/** The vhosts of a server, by name. */

import { defaultConfig } from "../../lib/config/parse_config.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { VhostDirectory } from "../../lib/server/vhost_directory.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

class ClosableVhost extends LocalVhost {
  closes = 0;

  constructor(name: string) {
    const [config] = defaultConfig().vhosts.values();
    const limits = { maxLagMs: 1, maxBytes: 1, maxMessages: 1, keepBackMs: 0 };
    super({
      config: { ...config!, name },
      hub: new Hub({ chunkSize: 128, isAbsoluteTime: false, ...limits }),
      clock: new FakeClock(),
    });
  }

  override close(): Promise<void> {
    this.closes++;
    return Promise.resolve();
  }
}

function createDirectory(...names: string[]) {
  const vhosts = names.map((name) => new ClosableVhost(name));
  const directory = new VhostDirectory(new Map(vhosts.map((vhost) => [vhost.config.name, vhost])));
  return { vhosts, directory };
}

Deno.test("VhostDirectory.find() finds a vhost by its name", () => {
  const { vhosts, directory } = createDirectory("a.example", "b.example");
  assert(directory.find("b.example") === vhosts[1]);
});

Deno.test("VhostDirectory.find() falls back to the default vhost", () => {
  const { vhosts, directory } = createDirectory("a.example", "__defaultVhost__");
  assert(directory.find("c.example") === vhosts[1]);
  assert(directory.find("a.example") === vhosts[0]);
});

Deno.test("VhostDirectory.find() finds nothing when there is no default vhost", () => {
  const { directory } = createDirectory("a.example");
  for (const name of ["c.example", "", "toString", "__proto__"]) {
    assertEquals(directory.find(name), null);
  }
});

Deno.test("VhostDirectory.close() closes all vhosts", async () => {
  const { vhosts, directory } = createDirectory("a.example", "b.example");
  await directory.close();
  assertEquals(vhosts.map(({ closes }) => closes), [1, 1]);
});
