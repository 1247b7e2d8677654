import { WireError } from "../base/errors.ts";

/** Most bytes of answers that a client may leave unread. An honest one reads them long before. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * Ends a client that keeps asking without reading the answers, which must not fill the memory.
 *
 * @throws {WireError} `session.unread_answers` when more than 1 MiB waits to be sent.
 */
export function checkUnread(waitingBytes: number): void {
  if (waitingBytes <= MAX_UNREAD_BYTES) return;
  throw new WireError(
    "session.unread_answers",
    `Cannot send more answers: ${waitingBytes} bytes are unread`,
  );
}
