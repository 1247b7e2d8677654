import type { Admission } from "./admission.ts";
import type { Player } from "./player.ts";
import type { Publication } from "./publication.ts";

/**
 * Where a connection stands.
 *
 * ```
 *              connect             admitted           play, publish
 *  connecting ─────────▶ checking ──────────▶ idle ◀───────────────▶ checking
 *                                              ▲      withdrawn        │
 *                                              │                       │ admitted
 *                                              │                       ▼
 *                                              └── stream closed ── playing, publishing
 *
 *  any of these ── refused, replaced, or vhost removed ──▶ refused ── 1 s ──▶ closed
 *  any of these ── socket ended, protocol error, timeout, kick ──▶ closed
 * ```
 *
 * A player in `playing` may still be held (see {@linkcode Player}), and a publisher in `publishing`
 * may still wait for its vhost (see {@linkcode Publication}): nothing is announced to them yet.
 */
export type ConnectionState =
  /** The handshake, then `connect`. */
  | { readonly type: "connecting"; readonly sinceMs: number }
  /** The gate has not answered the connect, play or publish yet. */
  | { readonly type: "checking" }
  /** Connected, without a stream. */
  | { readonly type: "idle"; readonly sinceMs: number }
  | { readonly type: "playing"; readonly player: Player } & StreamInUse
  | { readonly type: "publishing"; readonly publication: Publication } & StreamInUse
  /** The client may read why, and do nothing else. */
  | { readonly type: "refused"; readonly sinceMs: number; readonly reason: string }
  | { readonly type: "closed" };

/** The stream that a client plays or publishes. */
export interface StreamInUse {
  /** The session's id of the play or publish. */
  readonly commandId: number;
  readonly admission: Admission;
}

/** A client must ask for a stream within this time after it connected or left one. */
export const IDENTIFY_TIMEOUT_MS = 30_000;

/** A refused client gets this long to read the reason before its socket is closed. */
export const REFUSED_TIMEOUT_MS = 1_000;

/** Acknowledgement windows of a client whose vhost is not configured; it is refused later. */
export const DEFAULT_WINDOWS = { outAckSizeBytes: 2_500_000, inAckSizeBytes: 0 };

/** Commands are short; players send 18 bytes at a time. */
const COMMANDS_BYTES = 2 * 1024;
const PLAYER_BYTES = 64;

/** Returns the size of a connection's read buffer. */
export function readBufferBytes(state: ConnectionState): number {
  if (state.type === "playing") return PLAYER_BYTES;
  return state.type === "publishing" ? state.publication.bufferBytes : COMMANDS_BYTES;
}
