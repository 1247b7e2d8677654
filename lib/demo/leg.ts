import type { DemoServer } from "./demo_parts.ts";
import { FrameCheck, type FrameLedger } from "./frame_check.ts";
import { RateMeter } from "./rate_meter.ts";
import { SilenceMeter } from "./silence_meter.ts";

/** A player that checks what it receives. */
interface CheckedPlayer {
  readonly check: FrameCheck;
  readonly silence: SilenceMeter;
}

/** A server and its players. */
export interface Leg {
  readonly name: string;
  readonly server: DemoServer;
  readonly players: readonly CheckedPlayer[];
  readonly rate: RateMeter;
}

/** Makes a leg with players that have not been started. */
export function createLeg(
  name: string,
  server: DemoServer,
  { playerCount, ledger }: { readonly playerCount: number; readonly ledger: FrameLedger },
): Leg {
  const players = Array.from({ length: playerCount }, () => ({
    check: new FrameCheck(ledger),
    silence: new SilenceMeter(),
  }));
  return { name, server, players, rate: new RateMeter() };
}
