/** Words about streams. */

/** Replaces characters that would hide or reorder what follows. @param {string} text */
export function printable(text) {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "�");
}

/**
 * Reads which stream someone wants who typed or pasted a text: `APP/STREAM`, perhaps with
 * parameters, or a URL that has them, of a player or of the media.
 *
 * @param {string} text
 * @returns {{ app: string, stream: string, params: string } | null}
 */
export function parseWanted(text) {
  const [, host = "", path = "", params = ""] =
    /^([a-z]+:\/\/[^/?]*)?([^?]*)\??(.*)$/is.exec(text.trim()) ?? [];
  const isUrl = host !== "";
  const plain = isUrl ? path.replace(/^\/play\//, "").replace(/\.(flv|m3u8|ts)$/, "") : path;
  const names = plain.split("/").filter((name) => name !== "");
  if (names.length < 2) return null;
  const [stream = "", ...apps] = names.map((name) => isUrl ? decoded(name) : name).reverse();
  return { app: apps.reverse().join("/"), stream, params };
}

/** Decodes a part of a path; returns it as it is if it is damaged. @param {string} text */
export function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Describes the tracks of a stream: `1280×720 · H.264 · AAC`. */
export function describeTracks({ video, audio }) {
  const parts = [
    video !== null && video.width > 0 ? `${video.width}×${video.height}` : "",
    video?.codec ?? "",
    audio?.codec ?? "",
  ];
  return parts.filter((part) => part !== "").join(" · ");
}
