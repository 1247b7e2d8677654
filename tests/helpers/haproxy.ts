/** Runs HAProxy, as a load balancer before our servers. */

import { freePort, isAccepting } from "./ports.ts";
import { type ChildProcess, startProcess } from "./processes.ts";

const START_TIMEOUT_MS = 10_000;

/** A load balancer that listens. */
interface HaProxy extends AsyncDisposable {
  readonly process: ChildProcess;
  /** One for each server, in their order. */
  readonly ports: readonly number[];
}

/**
 * Starts HAProxy with a port of loopback for each server, and returns when it listens.
 *
 * @param servers What follows `server NAME`: `127.0.0.1:1935 send-proxy-v2`.
 */
export async function startHaProxy(
  directory: string,
  servers: readonly string[],
): Promise<HaProxy> {
  const ports = servers.map(() => freePort());
  const sections = servers.map((server, index) => `
listen l${index}
  bind 127.0.0.1:${ports[index]}
  server s ${server}`);
  const file = `${directory}/haproxy.cfg`;
  await Deno.writeTextFile(
    file,
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
${sections.join("\n")}
`,
  );
  const path = `PATH=${Deno.env.get("PATH") ?? ""}:/usr/sbin`;
  const process = startProcess({
    name: "haproxy",
    command: ["env", path, "haproxy", "-db", "-f", file],
  });
  await process.waitFor("listening", () => isAccepting(ports[0]!), START_TIMEOUT_MS);
  return { process, ports, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}
