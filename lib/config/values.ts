/** Types of values that are words, numbers, sizes and times. */

import type { LogLevel } from "../base/log.ts";
import { syntaxOf } from "./syntax.ts";
import { list, mapped, single, type ValueType } from "./value_type.ts";

const LONGEST_MS = 24 * 60 * 60 * 1000;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;
const UNIT_BYTES = { "": 1, k: 1024, m: 1024 * 1024 } as const;

/** `on` or `off`. */
export const flag: ValueType<boolean> = single("`on`, `off`", (word, refuse, { file }) => {
  if (word === "on" || word === "off") return word === "on";
  return refuse(`write ${syntaxOf(file).flags}`);
});

/** Any text, such as a path. */
export const text: ValueType<string> = single("text", (word) => word);

/** A vhost name, or a text with `[vhost]` in it. It becomes part of a URL. */
export const vhostName: ValueType<string> = single("text without blanks", (word, refuse) => {
  if (/^[^\s/?#&=]+$/.test(word)) return word;
  return refuse("write a name without blanks or any of / ? # & =");
});

/** Endings of stream names, each once. */
export const suffixes: ValueType<readonly string[]> = list(
  "one or more endings of names",
  (word, refuse) =>
    /^[\w.~@+-]{1,64}$/.test(word)
      ? word
      : refuse("write an ending of letters, digits and _ - . ~ @ +, such as _720p"),
);

/** What a server calls itself. */
export const serverName: ValueType<string> = single("a name", (word, refuse) => {
  if (/^[\w.:@-]{1,64}$/.test(word)) return word;
  return refuse("write up to 64 letters, digits and any of . _ : @ -");
});

/** One of the given words. */
export function choice<const T extends string>(...words: readonly T[]): ValueType<T> {
  return mapped(Object.fromEntries(words.map((word) => [word, word])) as Record<string, T>);
}

/** A level by its `srs_log_level` name. */
export const srsLogLevel: ValueType<LogLevel> = mapped<LogLevel>({
  verbose: "debug",
  info: "debug",
  trace: "info",
  warn: "warning",
  error: "error",
});

/**
 * Level names of `srs_log_level_v2` and `--log-level`. They are log4j's: `trace` is below `debug`,
 * while the `trace` of `srs_log_level` is SRS's normal level, `info` here. Errors are always
 * logged.
 */
export const LOG_LEVEL_NAMES: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warning",
  warning: "warning",
  error: "error",
  off: "error",
};

/** A level by its name in {@linkcode LOG_LEVEL_NAMES}. */
export const logLevel: ValueType<LogLevel> = mapped(LOG_LEVEL_NAMES);

/** The format of log lines. */
export const logFormat: ValueType<"text" | "json"> = choice("text", "json");

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): ValueType<number> {
  return single(`${min} to ${max}`, (word, refuse) => {
    const value = /^\d{1,15}$/.test(word) ? Number(word) : -1;
    if (value >= min && value <= max) return value;
    return refuse(`write a whole number from ${min} to ${max}`);
  });
}

/** How values below the minimum are treated. */
interface RangeOptions {
  /** Read them as the minimum, with a warning: SRS takes them. Otherwise they are errors. */
  readonly isRaised?: boolean;
}

/** A number from `min` to `max`, with or without decimals. */
export function decimal(
  min: number,
  max: number,
  { isRaised = false }: RangeOptions = {},
): ValueType<number> {
  return single(`${min} to ${max}`, (word, refuse, { warn }) => {
    const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(word) ? Number(word) : -1;
    if (value >= min && value <= max) return value;
    if (value >= 0 && value < min && isRaised) {
      warn(`write ${min} or more`, `is read as ${min}, the least that works`);
      return min;
    }
    return refuse(`write a number from ${min} to ${max}, such as ${min} or ${min}.5`);
  });
}

/**
 * A size from `min` to `max` bytes: in bytes, or with the suffix `k` (1024 bytes) or `m` (1024 k).
 */
export function bytes(min: number, max: number): ValueType<number> {
  const range = `${formatWith(UNIT_BYTES, min)} to ${formatWith(UNIT_BYTES, max)}`;
  const type = single(`${range}; suffix \`k\` or \`m\``, (word, refuse) => {
    const match = /^(\d{1,15})([km]?)$/.exec(word);
    const value = match ? Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES] : -1;
    if (value >= min && value <= max) return value;
    return refuse(`write a size from ${range}, in bytes or with the suffix k or m`);
  });
  return { ...type, unit: "bytes" };
}

/** Options of {@linkcode duration}. */
interface DurationOptions extends RangeOptions {
  /** Unit of a bare number. When absent, any number but 0 needs a suffix. */
  readonly bare?: "ms" | "s";
  readonly minMs: number;
}

/** A time in milliseconds, a day at most: with the suffix `ms`, `s` or `m`, or bare. */
export function duration({ bare, minMs, isRaised = false }: DurationOptions): ValueType<number> {
  const range = `${formatWith(UNIT_MS, minMs)} to ${formatWith(UNIT_MS, LONGEST_MS)}`;
  const type = single(`${range}; suffix \`ms\`, \`s\` or \`m\``, (word, refuse, { warn }) => {
    const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)?$/.exec(word);
    if (match === null) return refuse("write a time such as 350ms, 10s or 2m");
    const unit = match[2] ?? bare ?? (Number(match[1]) === 0 ? "ms" : undefined);
    if (unit === undefined) return refuse(`write ${word}s, ${word}ms or ${word}m`, "has no unit");
    const value = Math.round(Number(match[1]) * UNIT_MS[unit as keyof typeof UNIT_MS]);
    if (value >= minMs && value <= LONGEST_MS) return value;
    const least = formatWith(UNIT_MS, minMs);
    if (value < minMs && isRaised) {
      warn(`write ${least} or more`, `is read as ${least}, the least that works`);
      return minMs;
    }
    return refuse(`write a time from ${range}`, "is out of range");
  });
  return { ...type, unit: bare ?? "" };
}

/** `auto`, or a value of another type. */
export function autoOr<T>(type: ValueType<T>): ValueType<T | "auto"> {
  return wordOr("auto", type);
}

/** The word `special`, or a value of another type. */
export function wordOr<const W extends string, T>(
  special: W,
  type: ValueType<T>,
): ValueType<T | W> {
  return {
    label: `\`${special}\`, ${type.label}`,
    unit: type.unit,
    isList: type.isList,
    parse(directive, problems) {
      const [word, extra] = directive.args;
      const isSpecial = word?.text === special && extra === undefined;
      return isSpecial ? special : type.parse(directive, problems);
    },
  };
}

/** Formats `value` with the largest suffix of `units` that leaves a whole number. */
function formatWith(units: Readonly<Record<string, number>>, value: number): string {
  const fits = Object.entries(units).filter(([, unit]) => value % unit === 0 && value >= unit);
  const [suffix, unit] = fits.at(-1) ?? Object.entries(units)[0]!;
  return `${value / unit}${suffix}`;
}
