import type { AmfObject } from "../../lib/amf/amf_value.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";

/** What an origin does to new connections. */
export type Behaviour =
  /** Accepts everything; with `isOurs` it says that it is a server of this program. */
  | { readonly kind: "accept"; readonly isOurs?: true }
  /** Reads nothing and sends nothing, from the first byte on. */
  | { readonly kind: "mute" }
  /** Closes the socket at once. */
  | { readonly kind: "close at once" }
  /** Refuses `connect`. */
  | { readonly kind: "refuse connect"; readonly refusal: Refusal }
  /** Refuses the play or publish. */
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  /** Refuses the play or publish unless its name, with parameters, is one of these. */
  | { readonly kind: "admit"; readonly names: readonly string[]; readonly refusal: Refusal }
  /** Redirects the `connect`. */
  | { readonly kind: "redirect connect"; readonly ex: AmfObject }
  /** Redirects the play or publish; a play, as SRS does, after accepting it. */
  | { readonly kind: "redirect"; readonly ex: AmfObject }
  /** Leaves the play or publish unanswered until {@linkcode OriginLink.accept}. */
  | { readonly kind: "hold" }
  /** Sends these bytes in place of a handshake. */
  | { readonly kind: "send garbage"; readonly bytes: Uint8Array }
  /** Accepts everything, with this message stream id. */
  | { readonly kind: "other msid"; readonly msid: number };
