import type { Audience } from "../hub/viewer.ts";
import type { GateClient } from "./admission.ts";
import { type ClientReport, describeClient, type EdgeClient } from "./client_report.ts";
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
    edge: edgeOf(access.client, isPlayer ? state.player.freshAudience : null),
    isHeld: isPlayer && state.player.isHeld,
    isReserve: !isPlayer && state.publication.isReserve,
    ...costs,
    ...(isPlayer ? { sentBytes: state.player.sentBytes } : {}),
  };
}

function edgeOf({ edgePath, edgeName }: GateClient, audience: Audience | null): EdgeClient | null {
  const id = edgePath.at(-1);
  return id === undefined ? null : { id, name: edgeName || id, audience };
}

/** Returns the name of the edge that a client is; undefined for other clients. */
export function edgeNameOf(client: GateClient | undefined): string | undefined {
  return client?.edgeName || client?.edgePath.at(-1);
}
