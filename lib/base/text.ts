/** Text from peers made safe to print. */

/** Longest piece of peer text that goes into a log line or an error, in characters. */
const MAX_PEER_TEXT = 80;

/**
 * Peer text in quotes, cut to 80 characters, with control and other non-printing characters escaped,
 * so that a peer cannot forge log lines or move the terminal's cursor.
 */
export function quotePeerText(text: string): string {
  const cut = text.length > MAX_PEER_TEXT
    ? `${text.slice(0, MAX_PEER_TEXT).toWellFormed()}…`
    : text;
  const escaped = cut.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\]/gu,
    (char) =>
      char === '"' || char === "\\" ? `\\${char}` : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  return `"${escaped}"`;
}

/** Hides everything after the first `?` or `#`: stream parameters often are tokens. */
export function redactParams(url: string): string {
  const cut = url.search(/[?#]/);
  return cut < 0 ? url : `${url.slice(0, cut)}${url[cut]}…`;
}
