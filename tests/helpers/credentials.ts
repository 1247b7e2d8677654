import { Credentials } from "../../lib/server/credentials.ts";
import { SecretStore } from "../../lib/server/secrets.ts";
import type { FakeClock } from "./fake_clock.ts";
import { CollectedLog } from "./local_server.ts";

/** Credentials of vhosts that ask for none. */
export function noCredentials(clock: FakeClock): Credentials {
  const { logger } = new CollectedLog();
  return new Credentials({ secrets: new SecretStore(), clock, logger, wallMs: () => 0 });
}
