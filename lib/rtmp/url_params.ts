/** Parameters of stream URLs. SRS separates them with `&`, `,` or `;`. */

/** Part of a URL, split at its first `?` or `#`. */
interface CutUrl {
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  /** With its `#`, or empty. */
  readonly fragment: string;
}

/** Separators of parameters. SRS accepts all of these. */
const PARAM_SEPARATORS = /[&,;]+/;

/** Splits a URL, or a part of one. */
export function cutParams(url: string): CutUrl {
  const pathEnd = indexOrEnd(url, /[?#]/);
  const queryEnd = indexOrEnd(url, /#/);
  return {
    path: url.slice(0, pathEnd),
    query: url.slice(pathEnd, queryEnd),
    fragment: url.slice(queryEnd),
  };
}

function indexOrEnd(text: string, pattern: RegExp): number {
  const index = text.search(pattern);
  return index < 0 ? text.length : index;
}

/** Returns a parameter without white space and slashes; `null` when missing or empty. */
export function findParam(query: string, key: string): string | null {
  const prefix = `${key}=`;
  const found = query.slice(1).split(PARAM_SEPARATORS).find((param) => param.startsWith(prefix));
  return removeSpace(found?.slice(prefix.length) ?? "").replaceAll("/", "") || null;
}

/**
 * Returns parameters, `?query#fragment`, or a URL with them, without those of some names. The
 * others are unchanged.
 */
export function withoutParams(url: string, names: readonly string[]): string {
  const { path, query, fragment } = cutParams(url);
  // Parameters have even indexes, their separators odd ones.
  const pieces = query.slice(1).split(/([&,;]+)/);
  let kept = "";
  for (let i = 0; i < pieces.length; i += 2) {
    const param = pieces[i]!;
    if (names.some((name) => param.startsWith(`${name}=`))) continue;
    kept += kept === "" ? param : pieces[i - 1]! + param;
  }
  return path + (kept === "" ? "" : `?${kept}`) + fragment;
}

/** Returns a URL, or a part of one, with another parameter at the end of its query. */
export function withParam(url: string, name: string, value: string): string {
  const { path, query, fragment } = cutParams(url);
  return `${path}${
    query === "" ? "?" : query === "?" ? query : `${query}&`
  }${name}=${value}${fragment}`;
}

/** Removes the white space that SRS drops from hosts and names. */
export function removeSpace(text: string): string {
  return text.replace(/[ \t\r\n]+/g, "");
}
