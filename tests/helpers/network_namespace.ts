import { say } from "./say.ts";
import { isSkippingForbidden } from "./settings.ts";

type Command = readonly [string, ...string[]];

/** Drops everything in both directions. */
const CUT_RULES = "add table inet cut; " +
  ["input", "output"].map((hook) =>
    `add chain inet cut ${hook} { type filter hook ${hook} priority 0; policy drop; };`
  ).join(" ");

let count = 0;
let answer: Promise<boolean> | undefined;

/**
 * Returns whether to use network namespaces. Where they are unavailable, prints one line that says
 * why. Where skipping is forbidden, always returns true, so that the tests run and fail.
 */
export function hasNetworkNamespaces(): Promise<boolean> {
  answer ??= findNetworkNamespaces();
  return answer;
}

/**
 * A separate network for some processes, connected to this one by a virtual cable that a test can
 * cut: packets are lost then, and neither side is notified. Linux only, root only. Its processes
 * must end before it is disposed.
 */
export class NetworkNamespace implements AsyncDisposable {
  readonly name: string;
  /** IPv4 address of the processes in the namespace, as seen from both sides. */
  readonly address: string;
  /** Address of this end of the cable: processes in the namespace reach servers here through it. */
  readonly gateway: string;

  private constructor(
    name: string,
    addresses: { readonly inside: string; readonly outside: string },
  ) {
    this.name = name;
    this.address = addresses.inside;
    this.gateway = addresses.outside;
  }

  /** Creates a namespace. @throws {Error} with the failed command where that is not possible */
  static async create(): Promise<NetworkNamespace> {
    const number = count++;
    const name = `edge-${Deno.pid}-${number}`;
    const [outside, inside] = [`e${Deno.pid}o${number}`, `e${Deno.pid}i${number}`];
    // A separate /30 network for each, out of 10.128.0.0/9.
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

  /** Returns a command that runs `command` in the namespace, as the same process. */
  command(command: Command): Command {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  /** Cuts the cable: nothing passes in either direction. */
  async cut(): Promise<void> {
    await run(this.command(["nft", CUT_RULES]));
  }

  /** Undoes {@linkcode cut}. */
  async restore(): Promise<void> {
    await run(this.command(["nft", "delete table inet cut"]));
  }

  /** Removes the namespace, and the cable with it. */
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
