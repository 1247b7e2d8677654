import { keyInHeaders, METADATA_KEY } from "../hub/header_set.ts";
import { isMetadata, stripSetDataFrame } from "../media/metadata.ts";
import { MessageType } from "../rtmp/constants.ts";
import type { HeldMessage } from "./held_message.ts";

/** Most headers kept; real streams have few. In number, and bytes of each. */
const MAX_HEADERS = 32;
const MAX_HEADER_BYTES = 64 * 1024;

/** The newest metadata and sequence headers of a source whose frames are not delivered yet. */
export class HeldHeaders {
  /** By kind, oldest first. */
  readonly #messages = new Map<string, HeldMessage>();

  /** Returns them oldest first, stamped as the frame that follows. */
  before(timestampMs: number): readonly HeldMessage[] {
    return Array.from(this.#messages.values(), (message) => ({ ...message, timestampMs }));
  }

  /** Keeps a message if it is a header; its payload is copied. */
  note(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const key = headerKeyOf(typeId, payload);
    if (key === null || payload.length > MAX_HEADER_BYTES) return;
    // A replaced header moves to the end.
    if (!this.#messages.delete(key) && this.#messages.size >= MAX_HEADERS) return;
    this.#messages.set(key, { typeId, timestampMs, payload: payload.slice() });
  }
}

function headerKeyOf(typeId: number, payload: Uint8Array): string | null {
  if (typeId !== MessageType.DATA_AMF0) return keyInHeaders(typeId, payload);
  return isMetadata(stripSetDataFrame(payload)) ? METADATA_KEY : null;
}
