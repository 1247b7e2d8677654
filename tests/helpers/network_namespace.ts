/**
 * A network of its own for some processes, joined to this one by a virtual cable that a test can cut: what
 * is sent is lost then, and neither side is told. Linux only, and only for root.
 */

import { say } from "./say.ts";
import { isSkippingForbidden } from "./settings.ts";

type Command = readonly [string, ...string[]];

/** Drops all that goes in or out. */
const CUT_RULES = "add table inet cut; " +
  ["input", "output"].map((hook) =>
    `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; };`
  ).join(" ");

let count = 0;
let answer: Promise<boolean> | undefined;

/**
 * Whether to use network namespaces. Where they cannot be made, says why in one line. Where skipping is
 * forbidden the answer is always yes: its tests run, and fail.
 */
export function hasNetworkNamespaces(): Promise<boolean> {
  answer ??= findNetworkNamespaces();
  return answer;
}

/** See the file comment. Its processes must have ended before it does. */
export class NetworkNamespace implements AsyncDisposable {
  readonly name: string;
  /** IPv4 address of what runs in it, as seen from everywhere. */
  readonly address: string;
  /** Address of this side of the cable: what runs in it reaches servers here that listen there. */
  readonly gateway: string;

  private constructor(
    name: string,
    addresses: { readonly inside: string; readonly outside: string },
  ) {
    this.name = name;
    this.address = addresses.inside;
    this.gateway = addresses.outside;
  }

  /** Makes one. @throws {Error} with the failed command when that is not possible here */
  static async create(): Promise<NetworkNamespace> {
    const number = count++;
    const name = `edge-${Deno.pid}-${number}`;
    const [outside, inside] = [`e${Deno.pid}o${number}`, `e${Deno.pid}i${number}`];
    // A /30 of its own for each, out of 10.128.0.0/9.
    const base = (Deno.pid * 16 + number) % 2 ** 20 * 4;
    const subnet = [10, 128 + (base >> 16 & 0x3F), base >> 8 & 0xFF].join(".");
    const [outsideHost, insideHost] = [base + 1 & 0xFF, base + 2 & 0xFF];
    const namespace = new NetworkNamespace(name, {
      inside: `${subnet}.${insideHost}`,
      outside: `${subnet}.${outsideHost}`,
    });
    await run(["ip", "netns", "add", name]);
    try {
      await run(["ip", "link", "add", outside, "type", "veth", "peer", inside, "netns", name]);
      await run(["ip", "address", "add", `${namespace.gateway}/30`, "dev", outside]);
      await run(["ip", "link", "set", outside, "up"]);
      await run(["ip", "-n", name, "address", "add", `${namespace.address}/30`, "dev", inside]);
      await run(["ip", "-n", name, "link", "set", inside, "up"]);
      await run(["ip", "-n", name, "link", "set", "lo", "up"]);
      return namespace;
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The command that runs `command` in it, as the same process. */
  command(command: Command): Command {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  /** From now on nothing goes in or out. */
  async cut(): Promise<void> {
    await run(this.command(["nft", CUT_RULES]));
  }

  /** Undoes {@linkcode cut}. */
  async restore(): Promise<void> {
    await run(this.command(["nft", "delete table inet cut"]));
  }

  /** The cable goes with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await run(["ip", "netns", "delete", this.name]);
  }
}

async function findNetworkNamespaces(): Promise<boolean> {
  try {
    await using namespace = await NetworkNamespace.create();
    await namespace.cut();
    return true;
  } catch (error) {
    const isForbidden = isSkippingForbidden();
    const verdict = isForbidden ? "missing" : "skipped";
    const reason = error instanceof Error ? error.message : error;
    say(`${verdict}: network namespaces need root, iproute2 and nftables: ${reason}`);
    return isForbidden;
  }
}

async function run([program, ...args]: Command): Promise<void> {
  const command = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`${[program, ...args].join(" ")}: ${said}`);
}
