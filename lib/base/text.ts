/** Text from peers made safe to print. */

/** Longest piece of peer text that usually goes into a log line or an error, in characters. */
const MAX_PEER_TEXT = 80;

/**
 * Peer text in quotes, cut to `maxLength` characters (80 unless told), with control and other
 * non-printing characters escaped, so that a peer cannot forge log lines or move the terminal's cursor.
 */
export function quotePeerText(text: string, maxLength = MAX_PEER_TEXT): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength).toWellFormed()}…` : text;
  const escaped = cut.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\]/gu,
    (char) =>
      char === '"' || char === "\\" ? `\\${char}` : `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
  return `"${escaped}"`;
}

/** Removes everything from the first `?` or `#` on: stream parameters often are tokens. */
export function stripParams(url: string): string {
  const cut = url.search(/[?#]/);
  return cut < 0 ? url : url.slice(0, cut);
}

/** Hides everything after the first `?` or `#`: stream parameters often are tokens. */
export function redactParams(url: string): string {
  const cut = url.search(/[?#]/);
  return cut < 0 ? url : `${url.slice(0, cut)}${url[cut]}…`;
}
