import { quotePeerText } from "../base/text.ts";
import type { PublishConfig } from "../config/config.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { PublishAnswer } from "./vhost_service.ts";

/**
 * Longest silence of a publisher that keeps its stream, in ms. A publisher that is silent for
 * longer has probably lost its network, and the new one is the same encoder: a connection that
 * breaks without a FIN stays open until a timeout. A working encoder sends something every few
 * dozen ms, and a retransmitted packet takes a few hundred.
 */
const SILENT_MS = 1_000;

/** Whether a new publisher gets the stream that `present` publishes. */
export function mayTakeOver(
  present: PublishAnswer,
  takeover: PublishConfig["takeover"],
  nowMs: number,
): boolean {
  return takeover === "replace" || nowMs - present.lastHeardMs > SILENT_MS;
}

/** The refusal of a new publisher that does not get the stream. */
export function refuseBusy(name: string): Refusal {
  return {
    code: StatusCode.PUBLISH_BAD_NAME,
    description: `Stream ${quotePeerText(name)} already has a publisher`,
  };
}
