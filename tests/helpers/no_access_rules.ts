import { AdmissionLimits } from "../../lib/server/admission_limits.ts";
import { Credentials } from "../../lib/server/credentials.ts";
import { noRefusals } from "../../lib/server/refusal_counts.ts";
import { SecretStore } from "../../lib/server/secrets.ts";
import type { FakeClock } from "./fake_clock.ts";
import { CollectedLog } from "./local_server.ts";

/** Options of a gate that asks for no credentials and has no limits. */
export function noAccessRules(clock: FakeClock) {
  const { logger } = new CollectedLog();
  return {
    credentials: new Credentials({ secrets: new SecretStore(), clock, logger, wallMs: () => 0 }),
    limits: new AdmissionLimits(),
    refusals: noRefusals(),
  };
}
