/** Words about streams. */

/** Replaces characters that would hide or reorder what follows. @param {string} text */
export function printable(text) {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, "�");
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
