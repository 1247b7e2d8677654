import { describeError } from "../base/errors.ts";

/** Where `edge health` asks unless it is told. */
export const HEALTH_URL = "http://127.0.0.1:1985/healthz";

/** Longest wait for the server's answer, in ms. */
const TIMEOUT_MS = 2_000;

/**
 * Asks a server whether it is healthy, for supervisors that can only run a program, such as a
 * container's engine.
 *
 * @returns null when it is, otherwise what is wrong
 */
export async function askHealth(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok ? null : `${url} answered ${response.status}`;
  } catch (error) {
    // The reason why a request failed is the cause of its error.
    const cause = error instanceof Error ? error.cause ?? error : error;
    return `${url}: ${describeError(cause)}`;
  }
}
