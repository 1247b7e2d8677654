import type { Refusal } from "../rtmp/status.ts";
import {
  type ConnectionState,
  IDENTIFY_TIMEOUT_MS,
  REFUSED_TIMEOUT_MS,
  type StreamInUse,
} from "./connection_state.ts";
import type { PingWatch } from "./ping_watch.ts";
import type { Departure } from "./vhost_service.ts";

/** What to do about a client whose time is up. */
type TimeoutAction =
  | { readonly type: "ping" }
  /** `isUnusual` if an operator may want to know. */
  | { readonly type: "close"; readonly reason: string; readonly isUnusual: boolean }
  /** Answer its play. */
  | { readonly type: "refuse"; readonly commandId: number; readonly refusal: Refusal }
  | { readonly type: "endPublish"; readonly reason: string; readonly departure: Departure }
  | { readonly type: "warn"; readonly reason: string };

/** @returns what to do now, or null; after "ping" it expects the ping to be sent. */
export function checkTimeouts(
  state: ConnectionState,
  pings: PingWatch,
  nowMs: number,
): TimeoutAction | null {
  switch (state.type) {
    case "connecting":
    case "idle": {
      if (nowMs - state.sinceMs <= IDENTIFY_TIMEOUT_MS) return null;
      const reason = `no play or publish within ${IDENTIFY_TIMEOUT_MS} ms`;
      return { type: "close", reason, isUnusual: true };
    }
    case "playing": {
      const refusal = state.player.check(nowMs);
      if (refusal !== null) return { type: "refuse", commandId: state.commandId, refusal };
      return checkPing(state, pings, nowMs);
    }
    case "publishing": {
      const reason = state.publication.check(nowMs, pings.lastHeardMs);
      if (reason !== null) return { type: "endPublish", reason, departure: "lost" };
      const objection = state.publication.recheck();
      if (objection !== null) {
        return { type: "endPublish", reason: objection, departure: "stopped" };
      }
      const rate = state.publication.checkRate(nowMs);
      if (rate?.type === "warn") return { type: "warn", reason: rate.reason };
      if (rate !== null) return { type: "endPublish", reason: rate.reason, departure: "stopped" };
      return checkPing(state, pings, nowMs);
    }
    case "refused":
      if (nowMs - state.sinceMs <= REFUSED_TIMEOUT_MS) return null;
      return { type: "close", reason: state.reason, isUnusual: false };
    case "checking": // The gate's steps have their own timeouts.
    case "closed":
      return null;
    default:
      return state satisfies never;
  }
}

/** A dead host's connection does not end by itself, so a silent client must answer a ping. */
function checkPing(
  { admission }: StreamInUse,
  pings: PingWatch,
  nowMs: number,
): TimeoutAction | null {
  const { play } = admission.service.config;
  const advice = pings.check(nowMs, play);
  if (advice === "wait") return null;
  if (advice === "ping") return PING;
  const reason = `no answer to a ping within ${play.pingTimeoutMs} ms`;
  return { type: "close", reason, isUnusual: false };
}

const PING: TimeoutAction = { type: "ping" };
