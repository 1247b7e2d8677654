import type { LogFields, LogLevel } from "../base/log.ts";

/** One event of the log. */
export interface LogEvent {
  /** Milliseconds since 1970 (UTC). */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly layer: string;
  /** `c12`, `live/show`; absent when the line is about the whole layer. */
  readonly id?: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** Format of log lines. Either is one line per event, with any text of a peer escaped. */
export type LogFormat = "text" | "json";

/** Characters that end a line, move the cursor or change the text direction. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

const LEVEL_WORDS: Readonly<Record<LogLevel, string>> = {
  debug: "DEBUG",
  info: "INFO ",
  warning: "WARN ",
  error: "ERROR",
};

const LEVEL_COLORS: Readonly<Record<LogLevel, string>> = {
  debug: "\x1b[90m",
  info: "\x1b[32m",
  warning: "\x1b[33m",
  error: "\x1b[31m",
};
const COLOR_OFF = "\x1b[0m";

/**
 * Returns `2026-11-22 09:17:01.123+01:00 INFO  [layer id] message key=value …`, no newline, in
 * local time with its zone (RFC 3339). Quotes values that are empty or contain spaces, quotes or
 * `=`. Omits undefined fields.
 */
export function formatTextLine(event: LogEvent, useColor: boolean): string {
  const word = LEVEL_WORDS[event.level];
  const level = useColor ? `${LEVEL_COLORS[event.level]}${word}${COLOR_OFF}` : word;
  const source = event.id === undefined ? event.layer : `${event.layer} ${event.id}`;
  let line = `${formatLocalTime(event.timeMs)} ${level} [${escapeText(source)}] ` +
    escapeText(event.message);
  for (const [key, value] of Object.entries(event.fields)) {
    if (value !== undefined) line += ` ${escapeText(key)}=${formatValue(String(value))}`;
  }
  return line;
}

/**
 * Returns `{"time","level","layer","id","message",…fields}` on one line, without a newline. The
 * time is ISO 8601 in UTC. A field with one of these five names gets a `_` appended.
 */
export function formatJsonLine(event: LogEvent): string {
  const entry: Record<string, unknown> = {
    time: new Date(event.timeMs).toISOString(),
    level: event.level,
    layer: event.layer,
    id: event.id,
    message: event.message,
  };
  for (const [key, value] of Object.entries(event.fields)) {
    entry[Object.hasOwn(entry, key) ? `${key}_` : key] = value;
  }
  return JSON.stringify(entry).replace(UNPRINTABLE, escapeAsUtf16);
}

function formatLocalTime(timeMs: number): string {
  const time = new Date(timeMs);
  const date = [time.getFullYear(), pad(time.getMonth() + 1, 2), pad(time.getDate(), 2)].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => pad(n, 2));
  return `${date} ${clock.join(":")}.${pad(time.getMilliseconds(), 3)}${formatZone(time)}`;
}

/** Returns `+01:00`. */
function formatZone(time: Date): string {
  const minutes = -time.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${sign}${pad(hours, 2)}:${pad(rest, 2)}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function formatValue(text: string): string {
  const isPlain = /^[^\s"=]+$/.test(text);
  return escapeText(isPlain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`);
}

function escapeText(text: string): string {
  return text.replace(UNPRINTABLE, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);
}

function escapeAsUtf16(char: string): string {
  let escaped = "";
  for (let i = 0; i < char.length; i++) {
    escaped += `\\u${char.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}
