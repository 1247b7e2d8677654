/** Makes text from peers safe to print. */

/** Default limit of peer text in log lines and errors, in UTF-16 code units. */
const MAX_PEER_TEXT = 80;

/**
 * Quotes text from a peer. Cuts it to `maxLength` UTF-16 code units, 80 by default, and escapes
 * control and other non-printing characters, so that a peer cannot forge log lines or send escape
 * sequences to a terminal.
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

/** Removes stream parameters, which often are tokens: everything from the first `?` or `#`. */
export function stripParams(url: string): string {
  const cut = url.search(/[?#]/);
  return cut < 0 ? url : url.slice(0, cut);
}

/** Replaces everything after the first `?` or `#` with `…`, because parameters often are tokens. */
export function redactParams(url: string): string {
  const cut = url.search(/[?#]/);
  return cut < 0 ? url : `${url.slice(0, cut)}${url[cut]}…`;
}
