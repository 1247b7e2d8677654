/** The kinds of values: how each is written, checked and read. */

import type { LogLevel } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import { isCidr, isHostName, isIp, isIpv6, parsePort, splitHostPort } from "./address.ts";
import type { ListenAddress, OriginAddress, SecurityRule } from "./config.ts";
import type { Directive, Word } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { syntaxOf } from "./syntax.ts";

/** One kind of value. */
export interface ValueType<T> {
  /** What may be written, for the reference. */
  readonly label: string;
  /** Unit of a bare number, or an empty string. */
  readonly unit: string;
  /**
   * The value of `directive`, which has at least one word; undefined after what is wrong with it
   * went to `problems`.
   */
  parse(directive: Directive, problems: ProblemList): T | undefined;
}

/** Reports a bad word. `why` completes "Value … of … …". */
type Refuse = (fix: string, why?: string) => undefined;

/** Reads one word, or refuses it. `file` tells which way of writing a fix shows. */
type ParseWord<T> = (text: string, refuse: Refuse, file: string) => T | undefined;

const DEFAULT_RTMP_PORT = "1935";
const LONGEST_MS = 24 * 60 * 60 * 1000;
const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;
const UNIT_BYTES = { "": 1, k: 1024, m: 1024 * 1024 } as const;

/** `on` or `off`. */
export const flag: ValueType<boolean> = single("`on`, `off`", (word, refuse, file) => {
  if (word === "on" || word === "off") return word === "on";
  return refuse(`write ${syntaxOf(file).flags}`);
});

/** Any text, such as a path. */
export const text: ValueType<string> = single("text", (word) => word);

/** A vhost name or a text with `[vhost]` in it: it becomes part of a URL. */
export const vhostName: ValueType<string> = single("text without blanks", (word, refuse) => {
  if (/^[^\s/?#&=]+$/.test(word)) return word;
  return refuse("write a name without blanks and without any of / ? # & =");
});

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): ValueType<T> {
  return mapped(Object.fromEntries(words.map((word) => [word, word])) as Record<string, T>);
}

/** Levels by the names of `srs_log_level`. */
export const srsLogLevel: ValueType<LogLevel> = mapped<LogLevel>({
  verbose: "debug",
  info: "debug",
  trace: "info",
  warn: "warning",
  error: "error",
});

/**
 * Level names of `srs_log_level_v2` and `--log-level`: log4j's, where trace is below debug. The
 * `trace` of `srs_log_level`, SRS's normal level, is `info` here. Errors are always logged.
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

/** A level, by one of {@linkcode LOG_LEVEL_NAMES}. */
export const logLevel: ValueType<LogLevel> = mapped(LOG_LEVEL_NAMES);

/** How log lines are written. */
export const logFormat: ValueType<"text" | "json"> = choice("text", "json");

/** A whole number. */
export function integer(min: number, max: number): ValueType<number> {
  return single(`${min} to ${max}`, (word, refuse) => {
    const value = /^\d{1,15}$/.test(word) ? Number(word) : -1;
    if (value >= min && value <= max) return value;
    return refuse(`write a whole number from ${min} to ${max}`);
  });
}

/** A number that may have decimals. */
export function decimal(min: number, max: number): ValueType<number> {
  return single(`${min} to ${max}`, (word, refuse) => {
    const value = /^\d{1,9}(?:\.\d{1,9})?$/.test(word) ? Number(word) : -1;
    if (value >= min && value <= max) return value;
    return refuse(`write a number from ${min} to ${max}, such as ${min} or ${min}.5`);
  });
}

/** Options of {@linkcode fileTemplate}. */
export interface TemplateOptions {
  /** How the path ends, with the dot. */
  readonly ending: string;
  /** Placeholders of which the path must have at least one; empty when none is needed. */
  readonly oneOf: readonly string[];
}

/** A path below some folder, with `[stream]` in it, so that no two streams share a file. */
export function fileTemplate({ ending, oneOf }: TemplateOptions): ValueType<string> {
  const others = oneOf.length === 0 ? "" : ` and ${oneOf.join(" or ")}`;
  return single(`a path with \`[stream]\`${others}, ending in \`${ending}\``, (word, refuse) => {
    const parts = word.split("/");
    if (word.startsWith("/") || parts.includes("..") || word.includes("\\")) {
      return refuse("write a path without .., below the folder that hls_path names");
    }
    const isUnique = word.includes("[stream]") &&
      (oneOf.length === 0 || oneOf.some((mark) => word.includes(mark)));
    if (!isUnique) return refuse(`put [stream]${others} into it`, "is the same for several files");
    return word.endsWith(ending) ? word : refuse(`let it end in ${ending}`);
  });
}

/** Endings of mounts that SRS serves and this program does not. */
const FOREIGN_MOUNT = /\.(ts|aac|mp3)$/;

/**
 * A path below which FLV is served; a host before it may only be `[vhost]`. SRS's other formats pass, so that
 * its files start; whoever builds the configuration warns of them.
 */
export const flvMount: ValueType<string> = single(
  "a path with `[app]` and `[stream]`, ending in `.flv`",
  (word, refuse) => {
    const path = word.replace(/^\[vhost\](?=\/)/, "");
    if (!path.startsWith("/") || path.includes("[vhost]")) {
      return refuse("let it begin with [vhost]/ or with /");
    }
    if (!path.endsWith(".flv") && !FOREIGN_MOUNT.test(path)) return refuse("let it end in .flv");
    const isWhole = path.split("[app]").length === 2 && path.split("[stream]").length === 2;
    return isWhole ? word : refuse("write [app] and [stream] once each");
  },
);

/** A size in bytes, or with the suffix `k` (1024 bytes) or `m` (1024 k). */
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
export interface DurationOptions {
  /** Unit of a bare number; without it a number other than 0 needs its suffix. */
  readonly bare?: "ms" | "s";
  readonly minMs: number;
}

/** A time of at most a day, in milliseconds: with the suffix `ms`, `s` or `m`, or bare. */
export function duration({ bare, minMs }: DurationOptions): ValueType<number> {
  const range = `${formatWith(UNIT_MS, minMs)} to ${formatWith(UNIT_MS, LONGEST_MS)}`;
  const type = single(`${range}; suffix \`ms\`, \`s\` or \`m\``, (word, refuse) => {
    const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m)?$/.exec(word);
    if (match === null) return refuse("write a time such as 350ms, 10s or 2m");
    const unit = match[2] ?? bare ?? (Number(match[1]) === 0 ? "ms" : undefined);
    if (unit === undefined) return refuse(`write ${word}s, ${word}ms or ${word}m`, "has no unit");
    const value = Math.round(Number(match[1]) * UNIT_MS[unit as keyof typeof UNIT_MS]);
    if (value >= minMs && value <= LONGEST_MS) return value;
    return refuse(`write a time from ${range}`, "is out of range");
  });
  return { ...type, unit: bare ?? "" };
}

/** `auto`, or a value of another kind. */
export function autoOr<T>(type: ValueType<T>): ValueType<T | "auto"> {
  return {
    label: `\`auto\`, ${type.label}`,
    unit: type.unit,
    parse(directive, problems) {
      const [word, extra] = directive.args;
      const isAuto = word?.text === "auto" && extra === undefined;
      return isAuto ? "auto" : type.parse(directive, problems);
    },
  };
}

/** Options of {@linkcode listenAddresses}. */
export interface ListenOptions {
  /** 0 also allows port 0, any free port. */
  readonly minPort: 0 | 1;
  /** Address that a bare port stands for; every address of the machine when absent. */
  readonly bareHost?: string;
}

/** Addresses to listen on, no two alike. */
export function listenAddresses(options: ListenOptions): ValueType<readonly ListenAddress[]> {
  return {
    label: "one or more of `port`, `ip:port`, `[ipv6]:port`",
    unit: "",
    parse(directive, problems) {
      const seen = new Set<string>();
      return parseWords(directive, problems, (word, refuse) => {
        const address = parseListen(word, refuse, options);
        if (address === undefined || address.port === 0) return address;
        const key = `${address.hostname} ${address.port}`;
        if (seen.has(key)) return refuse("remove it", "is written twice");
        seen.add(key);
        return address;
      });
    },
  };
}

/** Origins of an edge. */
export const originAddresses: ValueType<readonly OriginAddress[]> = list(
  "one or more of `host`, `host:port`, `[ipv6]:port`",
  parseOrigin,
);

/** Host names that the end of a page's host is compared with. */
export const referHosts: ValueType<readonly string[]> = list(
  "one or more host names",
  (word, refuse) =>
    isHostName(word.replace(/^\./, "")) || isIp(word)
      ? word
      : refuse("write only the host name, without scheme, port and path"),
);

/** Addresses of an HTTP server. */
export const httpUrls: ValueType<readonly string[]> = list(
  "one or more of `http://…`, `https://…`",
  (word, refuse) =>
    /^https?:\/\//i.test(word) && URL.canParse(word)
      ? word
      : refuse("write a whole address, such as http://127.0.0.1:8085/api/v1/clients"),
);

/** `play` or `publish`, then from where. */
export function securityRule(action: SecurityRule["action"]): ValueType<readonly SecurityRule[]> {
  return {
    label: "`play` or `publish`, then `all`, an IP address or a CIDR range; repeatable",
    unit: "",
    parse: (directive, problems) => parseRule(action, directive, problems),
  };
}

function parseRule(
  action: SecurityRule["action"],
  directive: Directive,
  problems: ProblemList,
): readonly SecurityRule[] | undefined {
  const [scope, from, extra] = directive.args;
  const example = syntaxOf(directive.file).option(action, ["play", "all"]);
  if (scope?.text !== "play" && scope?.text !== "publish") {
    const what = `Value ${quotePeerText(scope!.text)} of "${action}" is not valid`;
    return problems.error(scope!, what, `write play or publish first, as in ${example}`);
  }
  if (from === undefined || extra !== undefined) {
    const what = `"${action} ${scope.text}" takes one address, not ${directive.args.length - 1}`;
    return problems.error(extra ?? scope, what, `write one address, as in ${example}`);
  }
  if (from.text !== "all" && !isIp(from.text) && !isCidr(from.text)) {
    const what = `Value ${quotePeerText(from.text)} of "${action}" is not an address`;
    return problems.error(from, what, "write all, an IP address, or a range like 10.0.0.0/8");
  }
  return [{ action, scope: scope.text, from: from.text }];
}

function parseListen(
  word: string,
  refuse: Refuse,
  { minPort, bareHost = "0.0.0.0" }: ListenOptions,
): ListenAddress | undefined {
  const { hostname, port } = /^\d+$/.test(word)
    ? { hostname: bareHost, port: word }
    : splitHostPort(word);
  if (!isIp(hostname) || port === undefined) {
    return refuse("write a port, or an IP address and a port: 1935, 127.0.0.1:1935 or [::]:1935");
  }
  const number = parsePort(port, minPort);
  if (number === undefined) return refuse(`write a port from ${minPort} to 65535`);
  return { hostname, port: number };
}

function parseOrigin(word: string, refuse: Refuse): OriginAddress | undefined {
  if (word.includes("/")) return refuse("write only host:port, without scheme and path");
  if (/^\d+$/.test(word)) return refuse(`write the host before the port: 127.0.0.1:${word}`);
  const { hostname, port = DEFAULT_RTMP_PORT } = splitHostPort(word);
  const isHost = word.startsWith("[") ? isIpv6(hostname) : isHostName(hostname) || isIp(hostname);
  if (!isHost) return refuse("write host:port, ip:port or [ipv6]:port");
  const number = parsePort(port, 1);
  return number === undefined ? refuse("write a port from 1 to 65535") : { hostname, port: number };
}

function mapped<T>(values: Readonly<Record<string, T>>): ValueType<T> {
  const words = Object.keys(values);
  const label = words.map((word) => `\`${word}\``).join(", ");
  return single(label, (word, refuse) => {
    if (Object.hasOwn(values, word)) return values[word];
    return refuse(`write ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
  });
}

function single<T>(label: string, parseWord: ParseWord<T>): ValueType<T> {
  return {
    label,
    unit: "",
    parse(directive, problems) {
      const extra = directive.args[1];
      if (extra === undefined) return parseWords(directive, problems, parseWord)?.[0];
      const name = quotePeerText(directive.name);
      const what = `${name} takes one value, not ${directive.args.length}`;
      return problems.error(extra, what, `remove ${quotePeerText(extra.text)} and what follows`);
    },
  };
}

function list<T>(label: string, parseWord: ParseWord<T>): ValueType<readonly T[]> {
  return {
    label,
    unit: "",
    parse: (directive, problems) => parseWords(directive, problems, parseWord),
  };
}

/** The values of all words, or undefined when any is refused. */
function parseWords<T>(
  directive: Directive,
  problems: ProblemList,
  parseWord: ParseWord<T>,
): readonly T[] | undefined {
  const values: T[] = [];
  for (const word of directive.args) {
    const refuse = refusal(directive.name, word, problems);
    const value = parseWord(word.text, refuse, word.file);
    if (value !== undefined) values.push(value);
  }
  return values.length === directive.args.length ? values : undefined;
}

function refusal(name: string, word: Word, problems: ProblemList): Refuse {
  return (fix, why = "is not valid") =>
    problems.error(
      word,
      `Value ${quotePeerText(word.text)} of ${quotePeerText(name)} ${why}`,
      fix,
    );
}

/** `value` with the largest suffix of `units` that leaves a whole number. */
function formatWith(units: Readonly<Record<string, number>>, value: number): string {
  const fits = Object.entries(units).filter(([, unit]) => value % unit === 0 && value >= unit);
  const [suffix, unit] = fits.at(-1) ?? Object.entries(units)[0]!;
  return `${value / unit}${suffix}`;
}
