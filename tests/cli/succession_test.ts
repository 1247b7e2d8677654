/** What a process does when another one takes its pid file, and when that one dies. */

import type { DrainRequest } from "../../lib/app/drain.ts";
import type { PidFileWatcher } from "../../lib/cli/pid_file.ts";
import { Succession } from "../../lib/cli/succession.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { LineKeeper } from "../helpers/line_keeper.ts";

/** Enough for all promises that are settled already. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** A server, its pid file and its note, which do as the test decides. */
class Rig {
  readonly done: string[] = [];
  readonly log = new LineKeeper();
  readonly succession: Succession;
  drained = Promise.withResolvers<boolean>();
  isReclaimable = true;
  canListen = true;
  watcher: PidFileWatcher | null = null;

  constructor() {
    const act = (what: string) => void this.done.push(what);
    this.succession = new Succession({
      server: {
        drain: ({ cause, isReplaced }: DrainRequest) => {
          act(`drain, ${isReplaced ? "replaced" : cause}`);
          return this.drained.promise;
        },
        resume: () => {
          if (!this.canListen) return Promise.reject(new Error("in use"));
          act("resume");
          this.drained.resolve(false);
          this.drained = Promise.withResolvers();
          return Promise.resolve();
        },
      },
      pidFile: {
        watch: (watcher) => {
          this.watcher = watcher;
          return () => act("watch no more");
        },
        reclaim: () => {
          if (this.isReclaimable) act("reclaim");
          return Promise.resolve(this.isReclaimable);
        },
      },
      handover: {
        offer: () => Promise.resolve(act("offer")),
        withdraw: () => act("withdraw"),
      },
      manager: {
        status: act,
        handOver: (pid) => act(`main process ${pid}`),
        takeBack: (status) => act(`main process again, ${status}`),
      },
      logger: this.log,
    });
    this.succession.start();
  }

  async replace(pid: string): Promise<void> {
    this.watcher!.onReplaced(pid);
    await settle();
  }

  async kill(pid: string): Promise<void> {
    this.watcher!.onDied(pid);
    await settle();
  }

  /** What was done since the last call. */
  get news(): string[] {
    return this.done.splice(0);
  }
}

const REPLACED = (pid: string) => [
  `main process ${pid}`,
  "offer",
  `Draining: replaced by process ${pid}`,
  "drain, replaced",
];

Deno.test("A replacer that dies gives the port back, and the next one gets it", async () => {
  const rig = new Rig();
  await rig.replace("7");
  assertEquals(rig.news, REPLACED("7"));
  await rig.kill("7");
  assertEquals(rig.news, ["reclaim", "resume", "withdraw", "main process again, Serving"]);
  assertEquals(rig.log.lines, [
    "The process that replaced this one died; listening again: " +
    "read its last lines, then replace again",
  ]);
  await rig.replace("8");
  assertEquals(rig.news, REPLACED("8"));
  rig.drained.resolve(true);
  await rig.succession.ended;
});

Deno.test("A second replacer that comes instead of the dead one keeps the port", async () => {
  const rig = new Rig();
  await rig.replace("7");
  rig.isReclaimable = false;
  await rig.kill("7");
  await rig.replace("8");
  assertEquals(rig.news, [...REPLACED("7"), ...REPLACED("8")]);
  rig.drained.resolve(true);
  await rig.succession.ended;
});

Deno.test("A replacer that dies before this process has seen it costs its pid file only", async () => {
  const rig = new Rig();
  await rig.kill("7");
  assertEquals(rig.news, ["reclaim"]);
  assertEquals(rig.log.lines, []);
});

Deno.test("A process that was told to end does not listen again", async () => {
  const rig = new Rig();
  await rig.replace("7");
  rig.succession.drain({ cause: "SIGQUIT", target: null, timeoutMs: null, isReplaced: false });
  await rig.kill("7");
  assertEquals(rig.news, [...REPLACED("7"), "Draining: SIGQUIT", "drain, SIGQUIT"]);
  assertEquals(rig.log.lines.length, 1);
});

Deno.test("A process that cannot listen again says so, and drains on", async () => {
  const rig = new Rig();
  await rig.replace("7");
  rig.canListen = false;
  await rig.kill("7");
  assertEquals(rig.news, [...REPLACED("7"), "reclaim"]);
  assertEquals(rig.log.lines, [
    "The process that replaced this one died; cannot listen: in use",
  ]);
  rig.drained.reject(new Error("broken"));
  await assertRejects(() => rig.succession.ended, Error, "broken");
  rig.succession[Symbol.dispose]();
  assertEquals(rig.news, ["watch no more"]);
});
