import { hashText } from "../../../lib/base/hash_text.ts";
import { startEdgeFromFile } from "../../helpers/edge_server.ts";
import { freePort } from "../../helpers/ports.ts";
import { startProcess } from "../../helpers/processes.ts";
import type { RtmpServer } from "../../helpers/servers.ts";
import { delay, until } from "../../helpers/until.ts";
import { type AttackTarget, EDGE_HOST, HOSTILE_HOST, PASSWORD } from "./attack.ts";
import { HonestStream } from "./honest_stream.ts";

const ATTACKER = new URL("attacker.ts", import.meta.url).pathname;

/** Longer than a lost publisher is waited for, and the runtime takes to give memory back. */
const QUIET_MS = 12_000;

const MIB = 1024 * 1024;

/** What an attack did. */
interface Effect {
  /** Longest time that a player of an honest stream waited for a frame. */
  readonly gapMs: number;
  /** How much slower the server ran than with a processor for each loop: 1 is not at all. */
  readonly slowdown: number;
}

/** Nanoseconds that the threads of a process ran, and that they waited for a processor. */
interface CpuTime {
  readonly ran: number;
  readonly waited: number;
}

/** A server in its own process, with honest streams on each of its event loops. */
export class AttackedServer implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #loopCount: number;
  readonly #streams: HonestStream[] = [];
  #server!: RtmpServer;
  #target!: AttackTarget;

  private constructor(loopCount: number) {
    this.#loopCount = loopCount;
  }

  /** @param directory For its files. */
  static async start(directory: string, loopCount: number): Promise<AttackedServer> {
    const attacked = new AttackedServer(loopCount);
    try {
      await attacked.#start(directory);
    } catch (error) {
      await attacked.#stack.disposeAsync();
      throw error;
    }
    return attacked;
  }

  /** Frames that were lost, and honest clients that were closed. */
  get faults(): string[] {
    return this.#streams.flatMap(({ faults }) => faults);
  }

  /** Memory of the process, in bytes, once what attacks have left was given back. */
  async quietMemoryBytes(): Promise<number> {
    await delay(QUIET_MS);
    return await this.#memoryBytes();
  }

  /** Waits until the process has little more memory than before. */
  async untilMemoryIsBack(beforeBytes: number, timeoutMs: number): Promise<void> {
    const mostBytes = beforeBytes * 1.15 + 10 * MIB;
    let bytes = Infinity;
    const isBack = async () => (bytes = await this.#memoryBytes()) <= mostBytes;
    await until("memory", isBack, { timeoutMs, everyMs: 1_000 }).catch(() => {
      const [before, now] = [beforeBytes, bytes].map((each) => Math.round(each / MIB));
      throw new Error(`${now} MiB of memory ${timeoutMs} ms after an attack; ${before} before`);
    });
  }

  /** Lets another process attack for a while. */
  async attack(name: string, durationMs: number): Promise<Effect> {
    await using attacker = startProcess({
      name,
      command: [
        ...[Deno.execPath(), "run", "-A", "--no-check", "--quiet", ATTACKER] as const,
        ...[name, JSON.stringify(this.#target)],
      ],
    });
    await attacker.waitForLine(/^attacking$/, 20_000);
    const before = await this.#cpuTime();
    this.#takeLongestGapMs();
    await delay(durationMs);
    const gapMs = this.#takeLongestGapMs();
    const after = await this.#cpuTime();
    const [ran, waited] = [after.ran - before.ran, after.waited - before.waited];
    return { gapMs, slowdown: (ran + waited) / ran };
  }

  async #memoryBytes(): Promise<number> {
    const status = await this.#readProc("status");
    return Number(status.match(/^VmRSS:\s+(\d+) kB$/m)![1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #start(directory: string): Promise<void> {
    const local = "vhost __defaultVhost__ { mw_latency 0; }";
    const origin = await this.#startServer(directory, "origin", local);
    const [api, http, hostile] = [freePort(), freePort(), freePort()];
    const loops = this.#loopCount > 1 ? `workers ${this.#loopCount};` : "";
    this.#server = await this.#startServer(
      directory,
      "attacked",
      `
      ${loops}
      http_api {
        enabled on; listen 127.0.0.1:${api};
        auth { enabled on; username admin; password ${PASSWORD}; }
      }
      http_server { enabled on; listen 127.0.0.1:${http}; dir ${directory}/www; }
      vhost __defaultVhost__ {
        mw_latency 0; http_remux { enabled on; } publish { grace 1s; }
        hls { enabled on; hls_path ${directory}/www; }
      }
      vhost ${EDGE_HOST} {
        mw_latency 0; http_remux { enabled on; } publish { grace 1s; }
        cluster { mode remote; origin 127.0.0.1:${origin.port}; }
      }
      vhost ${HOSTILE_HOST} { cluster { mode remote; origin 127.0.0.1:${hostile}; } }`,
    );
    this.#target = { rtmp: this.#server.port, api, http, hostile };
    for (let loop = 0; loop < this.#loopCount; loop++) {
      const to = this.#server.port;
      const [local, pulled] = [
        this.#nameAt(loop, "__defaultVhost__"),
        this.#nameAt(loop, EDGE_HOST),
      ];
      this.#streams.push(
        await this.#honest({ name: local, from: to, to }),
        await this.#honest({ name: pulled, from: origin.port, to, host: EDGE_HOST }),
      );
    }
  }

  async #startServer(directory: string, name: string, config: string): Promise<RtmpServer> {
    const configFile = `${directory}/${name}.conf`;
    const log = `srs_log_file ${directory}/${name}.log; pid ${directory}/${name}.pid;`;
    await Deno.writeTextFile(configFile, `listen 127.0.0.1:1935; ${log}\n${config}\n`);
    const args = ["--listen", "127.0.0.1:0"];
    // As in the service file: see docs/operations.md.
    const env = { MALLOC_MMAP_THRESHOLD_: "131072" };
    const server = await startEdgeFromFile({ name, directory, configFile, args, env });
    this.#stack.use(server.process);
    return server;
  }

  /** Several players: the kernel spreads them over the loops. */
  async #honest(path: HonestStream["path"]): Promise<HonestStream> {
    const stream = this.#stack.use(await HonestStream.start(path));
    for (let i = 0; i < (this.#loopCount > 1 ? 4 : 1); i++) await stream.addPlayer();
    return stream;
  }

  /** Returns a name whose stream the loop owns. */
  #nameAt(loop: number, vhost: string): string {
    for (let number = 0;; number++) {
      const name = `honest${number}`;
      if (hashText(`${vhost}/live/${name}`) % this.#loopCount === loop) return name;
    }
  }

  #takeLongestGapMs(): number {
    return Math.max(...this.#streams.map((stream) => stream.takeLongestGapMs()));
  }

  async #cpuTime(): Promise<CpuTime> {
    const time = { ran: 0, waited: 0 };
    for (const line of (await this.#readProc("task/*/schedstat")).trim().split("\n")) {
      const [ran, waited] = line.split(" ").map(Number);
      time.ran += ran!;
      time.waited += waited!;
    }
    return time;
  }

  /** Returns what the system tells of the process. A shell reads it: Deno may not. */
  async #readProc(files: string): Promise<string> {
    const { pid } = this.#server.process;
    const args = ["-c", `cat /proc/${pid}/${files} 2>/dev/null`];
    const { stdout } = await new Deno.Command("sh", { args }).output();
    return new TextDecoder().decode(stdout);
  }
}
