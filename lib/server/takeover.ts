/** When a second publisher gets a stream that has one. */

import { quotePeerText } from "../base/text.ts";
import type { PublishConfig } from "../config/config.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { PublishAnswer } from "./vhost_service.ts";

/**
 * A publisher that is silent for longer, in ms, has probably lost its network, and the newcomer is itself: a
 * broken connection without a FIN stays open until a timeout. Encoders at work send something every few
 * dozen ms, and a lost packet that is sent again takes a few hundred.
 */
const SILENT_MS = 1_000;

/** Whether a newcomer gets the stream that `present` publishes. */
export function mayTakeOver(
  present: PublishAnswer,
  takeover: PublishConfig["takeover"],
  nowMs: number,
): boolean {
  return takeover === "replace" || nowMs - present.lastHeardMs > SILENT_MS;
}

/** What a newcomer is told when it may not. */
export function refuseBusy(name: string): Refusal {
  return {
    code: StatusCode.PUBLISH_BAD_NAME,
    description: `Stream ${quotePeerText(name)} is being published by somebody else`,
  };
}
