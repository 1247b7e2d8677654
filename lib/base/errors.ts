/**
 * The error classes of the program. Each says what failed, where, and how to fix it.
 *
 * Expected ends of a connection (end of file, reset, closed by this server) are not errors but
 * close reasons; see `server/connection.ts`.
 */

/** Protocol layer that found the malformed bytes. */
export type WireLayer =
  | "proxy"
  | "tls"
  | "handshake"
  | "chunk"
  | "control"
  | "command"
  | "amf"
  | "flv"
  | "session";

/** Options of {@linkcode WireError}. */
interface WireErrorOptions extends ErrorOptions {
  /** Offset of the malformed bytes in the connection or in the decoded buffer. */
  readonly offset?: number;
  /** How to fix it, one sentence. */
  readonly fix?: string;
}

/** Bytes from a peer that violate the protocol or a limit. Closes the connection of that peer. */
export class WireError extends Error {
  /** Stable dotted name such as `chunk.no_previous`, explained in `docs/operations.md`. */
  readonly code: string;
  /** Offset in bytes, or -1 when unknown. */
  readonly offset: number;
  /** How to fix it, or an empty string. */
  readonly fix: string;

  constructor(code: `${WireLayer}.${string}`, message: string, options: WireErrorOptions = {}) {
    super(message, options);
    this.name = "WireError";
    this.code = code;
    this.offset = options.offset ?? -1;
    this.fix = options.fix ?? "";
  }
}

/** Phase in which an upstream connection failed. */
export type UpstreamPhase =
  | "resolve"
  | "connect"
  | "handshake"
  | "command"
  | "play"
  | "publish"
  | "media";

/** The target of a redirect. `parseStreamUrl` reads both parts as one URL. */
export interface UpstreamRedirect {
  readonly tcUrl: string;
  /** Stream name with parameters; empty when `tcUrl` contains the stream name. */
  readonly stream: string;
}

/** Options of {@linkcode UpstreamError}. */
interface UpstreamErrorOptions extends ErrorOptions {
  readonly statusCode?: string;
  readonly redirect?: UpstreamRedirect | null;
}

/** An origin was unreachable or refused the request. The edge tries the next one. */
export class UpstreamError extends Error {
  readonly phase: UpstreamPhase;
  /** The origin's RTMP status code (`NetStream.Publish.BadName`), or an empty string. */
  readonly statusCode: string;
  /** Where the origin redirects to (RTMP 302), or null. */
  readonly redirect: UpstreamRedirect | null;

  constructor(phase: UpstreamPhase, message: string, options: UpstreamErrorOptions = {}) {
    super(message, options);
    this.name = "UpstreamError";
    this.phase = phase;
    this.statusCode = options.statusCode ?? "";
    this.redirect = options.redirect ?? null;
  }
}

/** One problem in a configuration. */
export interface ConfigProblem {
  /** `error` prevents startup; `warning` is only printed. */
  readonly severity: "error" | "warning";
  /** Path as the user wrote it. */
  readonly file: string;
  /** 1-based; 0 when the problem concerns the whole file. */
  readonly line: number;
  /** 1-based; 0 when the problem concerns the whole file. */
  readonly column: number;
  /** The mistake, e.g. `Unknown directive "orgin" in vhost "live.example"`. */
  readonly what: string;
  /** How to fix it, e.g. `did you mean "origin"?`. */
  readonly fix: string;
}

/** Formats a problem for printing: `file:line:column: what: fix`. */
export function describeConfigProblem(problem: ConfigProblem): string {
  const position = problem.line > 0
    ? `${problem.file}:${problem.line}:${problem.column}`
    : problem.file;
  const severity = problem.severity === "warning" ? "warning: " : "";
  return `${position}: ${severity}${problem.what}: ${problem.fix}`;
}

/** An invalid configuration. Contains every problem found. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeConfigProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** An invalid command line. */
export class UsageError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "UsageError";
    this.fix = fix;
  }
}

/** Returns the message of any thrown value. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
