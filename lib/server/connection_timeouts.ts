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

/** How late a client is read. */
interface ReadTimes {
  /** Everything that had arrived until then was read, unless the client itself has to wait. */
  readonly readUntilMs: number;
  /** The client does not have to wait: it sent nothing else until then. */
  readonly isRead: boolean;
  readonly nowMs: number;
}

/**
 * Silence is judged by what a client had sent until a moment, no matter how late that was read.
 *
 * @returns what to do now, or null; after "ping" it expects the ping to be sent.
 */
export function checkTimeouts(
  state: ConnectionState,
  pings: PingWatch,
  times: ReadTimes,
): TimeoutAction | null {
  const { readUntilMs, isRead } = times;
  switch (state.type) {
    case "connecting":
    case "idle": {
      if (readUntilMs - state.sinceMs <= IDENTIFY_TIMEOUT_MS) return null;
      const reason = `no play or publish within ${IDENTIFY_TIMEOUT_MS} ms`;
      return { type: "close", reason, isUnusual: true };
    }
    case "playing": {
      const refusal = state.player.check(readUntilMs);
      if (refusal !== null) return { type: "refuse", commandId: state.commandId, refusal };
      return checkPing(state, pings, times);
    }
    case "publishing": {
      const reason = isRead ? state.publication.check(readUntilMs, pings.lastHeardMs) : null;
      if (reason !== null) return { type: "endPublish", reason, departure: "lost" };
      const objection = state.publication.recheck();
      if (objection !== null) {
        return { type: "endPublish", reason: objection, departure: "stopped" };
      }
      const rate = state.publication.checkRate(times.nowMs);
      if (rate?.type === "warn") return { type: "warn", reason: rate.reason };
      if (rate !== null) return { type: "endPublish", reason: rate.reason, departure: "stopped" };
      return checkPing(state, pings, times);
    }
    case "refused":
      if (times.nowMs - state.sinceMs <= REFUSED_TIMEOUT_MS) return null;
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
  { readUntilMs, isRead, nowMs }: ReadTimes,
): TimeoutAction | null {
  if (!isRead) return null;
  const { play } = admission.service.config;
  const advice = pings.check(readUntilMs, nowMs, play);
  if (advice === "wait") return null;
  if (advice === "ping") return PING;
  const reason = `no answer to a ping within ${play.pingTimeoutMs} ms`;
  return { type: "close", reason, isUnusual: false };
}

const PING: TimeoutAction = { type: "ping" };
