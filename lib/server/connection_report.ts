import { type ClientReport, describeClient } from "./client_report.ts";
import type { ConnectionState } from "./connection_state.ts";
import type { ClientAccess } from "./client_access.ts";

/** What a client has cost. */
type Costs = Pick<ClientReport, "ageMs" | "receivedBytes" | "sentBytes" | "skips">;

/** Returns the report of an RTMP client, or null while it neither plays nor publishes. */
export function reportConnection(
  state: ConnectionState,
  access: ClientAccess | null,
  costs: Costs,
): ClientReport | null {
  if (access === null || !("admission" in state)) return null;
  const isPlayer = state.type === "playing";
  return {
    ...describeClient(access.client, state.admission),
    type: isPlayer ? "rtmp-play" : "fmle-publish",
    isHeld: isPlayer && state.player.isHeld,
    isReserve: !isPlayer && state.publication.isReserve,
    ...costs,
    ...(isPlayer ? { sentBytes: state.player.sentBytes } : {}),
  };
}
