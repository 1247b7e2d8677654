/** What a service manager hears of the program: sd_notify(3), over a socket of the test. */

import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { edgeBinary } from "../helpers/settings.ts";
import { until } from "../helpers/until.ts";
import { ReloadRig } from "./reload_rig.ts";

const granted = await needs("net", "read", "write", "run", "env");

const isCompiled = !granted.ignore && edgeBinary() !== undefined;

/** The receiver's side of `NOTIFY_SOCKET`. */
class Receiver implements Disposable {
  readonly messages: string[] = [];
  readonly #socket: Deno.DatagramConn;

  constructor(path: string) {
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    void this.#receive();
  }

  /** Waits for a message with this line, and removes those up to it. */
  async next(line: string): Promise<string> {
    const found = await until(`${line} in ${this.messages}`, () => {
      const at = this.messages.findIndex((message) => message.split("\n").includes(line));
      return at >= 0 && this.messages.splice(0, at + 1).at(-1);
    }, { timeoutMs: CHILD_TIMEOUT_MS });
    return found;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #receive(): Promise<void> {
    try {
      for await (const [bytes] of this.#socket) this.messages.push(new TextDecoder().decode(bytes));
    } catch {
      // Closed.
    }
  }
}

const ABSTRACT = `edge-test-${crypto.randomUUID()}`;

for (
  const { kind, bound, variable } of [
    { kind: "a file", bound: null, variable: null },
    { kind: "an abstract address", bound: `\0${ABSTRACT}`, variable: `@${ABSTRACT}` },
  ]
) {
  Deno.test({
    ...granted,
    // Executables of Deno 2.7 have no abstract addresses.
    ignore: granted.ignore || Deno.build.os !== "linux" || (bound !== null && isCompiled),
    name: `edge notifies a service manager at ${kind}: ready, reloading, drained, stopping`,
    fn: () =>
      inTempDirectory(async (directory) => {
        const path = `${directory}/notify.sock`;
        using receiver = new Receiver(bound ?? path);
        await using rig = new ReloadRig(directory);
        rig.write("grace_start_wait 100; grace_final_wait 100;");
        const startMs = Date.now();
        await rig.start({ env: { NOTIFY_SOCKET: variable ?? path } });
        assertEquals(await receiver.next("READY=1"), "READY=1\nSTATUS=Serving");
        rig.write("max_connections 7; grace_start_wait 100; grace_final_wait 100;");
        await rig.reload();
        const reloading = await receiver.next("RELOADING=1");
        const [, stamp] = reloading.match(/^MONOTONIC_USEC=(\d+)$/m)!;
        assert(Number(stamp) >= performance.now() * 1000 && Number(stamp) >= startMs * 1000);
        assertEquals(
          await receiver.next("READY=1"),
          "READY=1\nSTATUS=Serving; reloaded: 1 applied, 0 wait for a restart",
        );
        rig.write("nonsense 7;");
        await rig.reload();
        assertMatch(await receiver.next("READY=1"), /with the old configuration: 1 problems/);
        const client = await RtmpClient.connect(rig.port);
        Deno.kill(rig.process.pid, "SIGQUIT");
        await receiver.next("STATUS=Draining: SIGQUIT");
        assertEquals(receiver.messages, [], "it does not stop while it drains");
        await client.close();
        assertEquals(await receiver.next("STOPPING=1"), "STOPPING=1\nSTATUS=Stopping");
        assertEquals((await endOf(rig.process)).code, 0);
        assertEquals(rig.process.stderr.filter((line) => /not notified/.test(line)), []);
      }),
  });
}

Deno.test({
  ...granted,
  ignore: granted.ignore || Deno.build.os !== "linux",
  name: "edge that is replaced tells its service manager by which process, and then nothing",
  fn: () =>
    inTempDirectory(async (directory) => {
      const path = `${directory}/notify.sock`;
      using receiver = new Receiver(path);
      await using rig = new ReloadRig(directory);
      rig.write("pid edge.pid; grace_final_wait 100;");
      await rig.start({ env: { NOTIFY_SOCKET: path } });
      await receiver.next("READY=1");
      const old = rig.process;
      const client = await RtmpClient.connect(rig.port);
      // What the new one says is not received here.
      await rig.start({ args: ["--replace"] });
      await using next = rig.process;
      assertEquals(await receiver.next(`MAINPID=${next.pid}`), `MAINPID=${next.pid}`);
      await old.waitForLine(/Draining: waiting/, CHILD_TIMEOUT_MS);
      await client.close();
      assertEquals((await endOf(old)).code, 0);
      assertEquals(receiver.messages, []);
    }),
});

Deno.test({
  ...granted,
  name: "edge warns once when its service manager cannot be notified, and serves",
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = new ReloadRig(directory);
      rig.write();
      await rig.start({ env: { NOTIFY_SOCKET: `${directory}/none.sock` } });
      await rig.reload();
      await rig.process.stop();
      const warnings = rig.process.stderr.filter((line) => /not notified/.test(line));
      assertEquals(warnings.length, 1);
      assertMatch(warnings[0]!, /WARN .*Service manager not notified: .* fix=/);
    }),
});
