/** Settings of a test run, from the environment. Reading them needs `--allow-env`. */

/**
 * True where a missing program or a busy port is a failure rather than a reason to skip
 * (`CI_NO_SKIP=1`).
 */
export function isSkippingForbidden(): boolean {
  return Deno.env.get("CI_NO_SKIP") === "1";
}

/** Path of the compiled executable to test in place of `main.ts` (`EDGE_BINARY`). */
export function edgeBinary(): string | undefined {
  const path = Deno.env.get("EDGE_BINARY");
  return path === undefined || path === "" ? undefined : Deno.realPathSync(path);
}

/** How long every interop player watches, in seconds (`EDGE_INTEROP_SECONDS`, by default 12). */
export function interopSeconds(): number {
  return readSeconds("EDGE_INTEROP_SECONDS", 12);
}

/** How long all origins are away, in seconds (`EDGE_OUTAGE_SECONDS`, by default 10). */
export function outageSeconds(): number {
  return readSeconds("EDGE_OUTAGE_SECONDS", 10);
}

/**
 * How long origins are restarted over and over, in seconds (`EDGE_RESTART_SECONDS`, by default 20).
 */
export function restartSeconds(): number {
  return readSeconds("EDGE_RESTART_SECONDS", 20);
}

/**
 * How long origins are lost at random, in seconds (`EDGE_HITLESS_SECONDS`, by default 0: not at
 * all).
 */
export function hitlessSeconds(): number {
  return readSeconds("EDGE_HITLESS_SECONDS", 0, 0);
}

/** How long HLS players stay, in seconds (`EDGE_HLS_SECONDS`, by default 15). */
export function hlsSeconds(): number {
  return readSeconds("EDGE_HLS_SECONDS", 15);
}

/** Streams that are spread over addresses of a name (`EDGE_DNS_STREAMS`, by default 50). */
export function dnsStreams(): number {
  return Number(Deno.env.get("EDGE_DNS_STREAMS") ?? "50");
}

/** How long every attack on a server lasts, in ms (`EDGE_FAIRNESS_MS`, by default 600). */
export function fairnessMs(): number {
  return Number(Deno.env.get("EDGE_FAIRNESS_MS") ?? "600");
}

function readSeconds(name: string, byDefault: number, least = 1): number {
  const text = Deno.env.get(name) ?? String(byDefault);
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < least) {
    throw new Error(`${name} is "${text}", which is not a whole number of seconds`);
  }
  return seconds;
}
