/**
 * The error classes of the program. Each says what failed, where, and (in `fix`) what to do about it.
 *
 * Expected ends of a connection (end of file, reset, closed by us) are not errors but close reasons;
 * see `server/connection.ts`.
 */

/** Layer of the protocol that found malformed bytes. */
export type WireLayer = "handshake" | "chunk" | "control" | "command" | "amf" | "flv" | "session";

/** Options of {@linkcode WireError}. */
export interface WireErrorOptions extends ErrorOptions {
  /** Byte position in the connection (or in the decoded buffer) where the trouble was found. */
  readonly offset?: number;
  /** What a person can do about it, one sentence. */
  readonly fix?: string;
}

/**
 * Bytes from a peer that break the protocol or a limit. Closes that one connection, never the process.
 */
export class WireError extends Error {
  /** Stable dotted name, listed in the README, e.g. `chunk.no_previous`. */
  readonly code: string;
  /** Byte position, or -1 when it is not known. */
  readonly offset: number;
  /** What a person can do about it, or an empty string. */
  readonly fix: string;

  constructor(code: `${WireLayer}.${string}`, message: string, options: WireErrorOptions = {}) {
    super(message, options);
    this.name = "WireError";
    this.code = code;
    this.offset = options.offset ?? -1;
    this.fix = options.fix ?? "";
  }
}

/** Phase of an upstream connection in which it failed. */
export type UpstreamPhase =
  | "resolve"
  | "connect"
  | "handshake"
  | "command"
  | "play"
  | "publish"
  | "media";

/** Where a server sends whoever asked it; both parts are read as one address (`parseStreamUrl`). */
export interface UpstreamRedirect {
  readonly tcUrl: string;
  /** Stream name with its parameters; empty when `tcUrl` names the stream. */
  readonly stream: string;
}

/** Options of {@linkcode UpstreamError}. */
export interface UpstreamErrorOptions extends ErrorOptions {
  readonly statusCode?: string;
  readonly redirect?: UpstreamRedirect | null;
}

/** An origin could not be reached or refused; the edge goes on to the next one. */
export class UpstreamError extends Error {
  readonly phase: UpstreamPhase;
  /** RTMP status code the origin answered with (`NetStream.Publish.BadName`), or an empty string. */
  readonly statusCode: string;
  /** Where the origin wants to be asked instead (RTMP 302), or null. */
  readonly redirect: UpstreamRedirect | null;

  constructor(phase: UpstreamPhase, message: string, options: UpstreamErrorOptions = {}) {
    super(message, options);
    this.name = "UpstreamError";
    this.phase = phase;
    this.statusCode = options.statusCode ?? "";
    this.redirect = options.redirect ?? null;
  }
}

/** One problem of a configuration. */
export interface ConfigProblem {
  /** `error` stops the start; `warning` is printed and the program runs. */
  readonly severity: "error" | "warning";
  /** File as the user named it. */
  readonly file: string;
  /** 1-based; 0 when the problem has no place (a missing file). */
  readonly line: number;
  /** 1-based; 0 when the problem has no place. */
  readonly column: number;
  /** What is wrong, e.g. `Unknown directive "orgin" in vhost "live.example"`. */
  readonly what: string;
  /** What to do, e.g. `did you mean "origin"?`. */
  readonly fix: string;
}

/** `file:line:column: what: fix`, the one form in which problems are printed. */
export function describeConfigProblem(problem: ConfigProblem): string {
  const place = problem.line > 0
    ? `${problem.file}:${problem.line}:${problem.column}`
    : problem.file;
  const severity = problem.severity === "warning" ? "warning: " : "";
  return `${place}: ${severity}${problem.what}: ${problem.fix}`;
}

/** A configuration that cannot be used. Carries every problem found, not just the first. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeConfigProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A command line that cannot be understood. */
export class UsageError extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "UsageError";
    this.fix = fix;
  }
}

/** The message of anything thrown. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
