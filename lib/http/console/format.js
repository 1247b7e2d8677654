/** Formats numbers and names for display. */

const COUNT = new Intl.NumberFormat("en");

/** @param {number} value */
export function count(value) {
  return COUNT.format(value);
}

/** @param {number | null} kbps kbit/s; null if not known yet */
export function rate(kbps) {
  if (kbps === null) return "–";
  return kbps < 10_000
    ? `${count(Math.round(kbps))} kbit/s`
    : `${count(Number((kbps / 1000).toPrecision(4)))} Mbit/s`;
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

/**
 * Returns `1 player`, `2 players`.
 *
 * @param {number} value
 * @param {string} word
 */
export function plural(value, word) {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}
