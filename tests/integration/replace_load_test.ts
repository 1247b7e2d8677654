/** `edge --replace` under load: no connection is refused or reset. */

import { assertEquals } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { delay } from "../helpers/until.ts";

const granted = await needs("net", "read", "write", "run", "env");

const PUBLISHERS = 20;
const PLAYERS_EACH = 25;
const JOIN_EVERY_MS = 50;
const FRAME_EVERY_MS = 200;

/** Players that connect one after the other, until {@linkcode stop}. */
class Joins {
  readonly failures: string[] = [];
  readonly #clients: Promise<RtmpClient | null>[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(port: number) {
    this.#timer = setInterval(() => {
      const name = `s${this.#clients.length % PUBLISHERS}`;
      this.#clients.push(this.#join(port, name));
    }, JOIN_EVERY_MS);
  }

  /** Settles when each has got media or failed. */
  async stop(): Promise<RtmpClient[]> {
    clearInterval(this.#timer);
    return (await Promise.all(this.#clients)).filter((client) => client !== null);
  }

  async #join(port: number, name: string): Promise<RtmpClient | null> {
    try {
      const client = await RtmpClient.play(port, name);
      await client.untilMedia(1);
      return client;
    } catch (error) {
      this.failures.push(String(error));
      return null;
    }
  }
}

Deno.test({
  ...granted,
  ignore: granted.ignore || Deno.build.os !== "linux",
  name: "edge --replace with 500 players, 20 publishers and 20 joins a second refuses none",
  fn: () =>
    inTempDirectory(async (directory) => {
      const port = freePort();
      const text = `listen 127.0.0.1:${port}; pid edge.pid; grace_final_wait 0;
        vhost __defaultVhost__ { }\n`;
      await Deno.writeTextFile(`${directory}/edge.conf`, text);
      const start = (...options: readonly string[]) => {
        const command = [...edgeCommand(), "-c", "edge.conf", ...options] as const;
        return startProcess({ name: `edge ${options}`, command, cwd: directory });
      };
      await using stack = new AsyncDisposableStack();
      const old = stack.use(start());
      await old.waitForLine(/Listening on rtmp/, CHILD_TIMEOUT_MS);
      const clients: RtmpClient[] = [];
      const publishers: RtmpClient[] = [];
      for (let index = 0; index < PUBLISHERS; index++) {
        publishers.push(stack.use(await RtmpClient.publish(port, `s${index}`)));
        const players = Array.from(
          { length: PLAYERS_EACH },
          () => RtmpClient.play(port, `s${index}`),
        );
        for (const player of await Promise.all(players)) clients.push(stack.use(player));
      }
      let number = 0;
      const timer = setInterval(() => {
        number++;
        for (const publisher of publishers) publisher.push(numberedFrame(number, number * 200));
      }, FRAME_EVERY_MS);
      stack.defer(() => clearInterval(timer));

      const joins = new Joins(port);
      await delay(500);
      const next = stack.use(start("--replace"));
      await old.waitForLine(/Draining: waiting connections=/, CHILD_TIMEOUT_MS);
      await delay(500);
      const late = await joins.stop();
      for (const client of late) stack.use(client);
      assertEquals(joins.failures, []);
      assertEquals([...publishers, ...clients].filter(({ isEnded }) => isEnded).length, 0);

      for (const client of [...clients, ...late, ...publishers]) await client.close();
      assertEquals((await endOf(old)).code, 0, old.describe());
      assertEquals(next.status, undefined, next.describe());
    }),
});
