/** An honest stream beside attackers, each in another process. */

import { systemClock } from "../../lib/base/clock.ts";
import { FairClock } from "../../lib/io/fair_clock.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { assert } from "../helpers/assert.ts";
import { startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { NumberedStream } from "../helpers/numbered_stream.ts";

const ATTACKER = new URL("fairness_attacker.ts", import.meta.url).pathname;

/** Longest wait for a frame beside an attacker, in ms. */
const MAX_GAP_MS = 500;

const ATTACK_MS = 4_000;

for (const attack of ["one-byte chunks", "pings of a stranger"]) {
  netTest(
    `an honest stream loses no frame beside ${attack}, and waits 500 ms at most`,
    async () => {
      using clock = await FairClock.open(denoNetwork, systemClock);
      await using server = startOrigin("", clock);
      await using honest = await NumberedStream.start(server);
      const attacker = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", ATTACKER, String(server.port), attack],
        stdout: "null",
        stderr: "null",
      }).spawn();
      try {
        const endMs = performance.now() + ATTACK_MS;
        let worstMs = 0;
        while (performance.now() < endMs) {
          const sinceMs = performance.now();
          await honest.untilFresh();
          worstMs = Math.max(worstMs, performance.now() - sinceMs);
        }
        assert(server.counts.connections > 2, "the attacker is connected");
        assert(worstMs <= MAX_GAP_MS, `longest wait ${worstMs} ms`);
      } finally {
        attacker.kill("SIGKILL");
        await attacker.status;
      }
    },
  );
}
