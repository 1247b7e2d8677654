/** Formats numbers and names for display. */

const COUNT = new Intl.NumberFormat("en");

/** @param {number} value */
export function count(value) {
  return COUNT.format(value);
}

/** @param {number | null} kbps kbit/s; null if not known yet */
export function rate(kbps) {
  if (kbps === null) return "–";
  if (kbps < 10_000) return `${count(Math.round(kbps))} kbit/s`;
  const [value, unit] = kbps < 10_000_000 ? [kbps / 1e3, "Mbit/s"] : [kbps / 1e6, "Gbit/s"];
  return `${count(Number(value.toPrecision(4)))} ${unit}`;
}

/** @param {number} bytes */
export function size(bytes) {
  const mebibytes = bytes / (1 << 20);
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

/**
 * Returns a text of a client with its invisible characters escaped, as in the log: some reverse the
 * text around them.
 *
 * @param {string} text
 */
export function printable(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  );
}

/**
 * Returns the name of a stream, with its vhost unless that is the default vhost.
 *
 * @param {string} url `vhost/app/stream` of the API; `/app/stream` in the default vhost
 */
export function streamName(url) {
  return printable(url.replace(/^\//, ""));
}

/** @param {{ codec: string, width: number, height: number } | null} video of the API */
export function describeVideo(video) {
  if (video === null) return "–";
  return video.width > 0 ? `${video.codec} ${video.width}×${video.height}` : video.codec;
}

/** @param {{ codec: string, sample_rate: number } | null} audio of the API */
export function describeAudio(audio) {
  if (audio === null) return "–";
  return audio.sample_rate > 0 ? `${audio.codec} ${audio.sample_rate / 1000} kHz` : audio.codec;
}

/** Returns `key=value key="two words"`. @param {Record<string, unknown>} fields of a log line */
export function describeFields(fields) {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return entries.map(([key, value]) => {
    const text = printable(String(value));
    return `${key}=${/[\s"=]|^$/.test(text) ? JSON.stringify(text) : text}`;
  }).join(" ");
}

/** @param {number} ms since 1970 */
export function timeOfDay(ms) {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/**
 * Returns `1 player`, `2 players`.
 *
 * @param {number} value
 * @param {string} word
 */
export function plural(value, word) {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}
