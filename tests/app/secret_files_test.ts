/** Files of secrets that change while the server runs. */

import { readSecrets, SecretFiles } from "../../lib/app/secret_files.ts";
import { SecretStore } from "../../lib/server/secrets.ts";
import { hashOf } from "../../lib/server/stream_keys.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";

const KEYS = ["first-key-of-two", "second-key-of-two"] as const;
const [FIRST, SECOND] = KEYS.map((key, index) => `${key} name${index}\n`) as [string, string];

Deno.test({
  ...await needs("read", "write"),
  name: "a file of secrets is read again when it has stayed as it is for a second",
  fn: () =>
    inTempDirectory(async (directory) => {
      const path = `${directory}/keys`;
      Deno.writeTextFileSync(path, FIRST + SECOND);
      const text = `listen 1935; vhost __defaultVhost__ { publish { keys ${path}; } }`;
      const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
      const [clock, log, store] = [new FakeClock(), new CollectedLog(), new SecretStore()];
      const files = new SecretFiles({ clock, store, logger: log.logger });
      files.use(config, readSecrets(config));
      const known = () => {
        const { keys } = store.of("__defaultVhost__");
        return KEYS.map((key) => (keys?.findHash(hashOf(key)) ?? null) !== null);
      };
      assertEquals(known(), [true, true]);
      // Written piece by piece, as copies of long files are.
      for (const piece of ["", FIRST, FIRST + SECOND.slice(0, 12), SECOND + FIRST]) {
        Deno.writeTextFileSync(path, piece);
        await clock.advance(1_000);
        assertEquals(known(), [true, true], piece);
      }
      Deno.writeTextFileSync(path, FIRST);
      await clock.advance(2_000);
      assertEquals(known(), [true, false]);
      Deno.removeSync(path);
      await clock.advance(2_000);
      assertEquals([known(), log.urgent.length], [[true, false], 1]);
      files.stop();
      assertEquals(clock.pendingCount, 0);
    }),
});
