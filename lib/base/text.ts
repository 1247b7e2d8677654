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

/**
 * Replaces what may be a secret with `…`: everything after the first `?` or `#`, because parameters
 * often are tokens, and user and password.
 */
export function redactUrl(url: string): string {
  const cut = url.search(/[?#]/);
  const address = cut < 0 ? url : `${url.slice(0, cut)}${url[cut]}…`;
  // Up to the last "@", even in the path: a password may contain a slash.
  const at = address.lastIndexOf("@");
  if (at < 0) return address;
  const schemaEnd = address.indexOf("://");
  return `${schemaEnd < 0 || schemaEnd > at ? "" : address.slice(0, schemaEnd + 3)}…${
    address.slice(at)
  }`;
}

/**
 * Returns a URL without user and password, which are no part of the address (RFC 3986 §3.2.1) and
 * must not be shown or passed on.
 */
export function withoutUserInfo(url: string): string {
  const [, schema = "", authority = ""] = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url) ?? [];
  const at = authority.lastIndexOf("@");
  return at < 0 ? url : schema + url.slice(schema.length + at + 1);
}
