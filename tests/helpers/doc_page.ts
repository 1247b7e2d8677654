/**
 * Runs what a page of `docs/` tells operators to write and to type. A block says what it is in the
 * line that opens it: ```` ```conf file=/etc/edge/edge.conf ```` or ```` ```sh run=rotate ````.
 * `check=edge` is a configuration without mistakes, `run=never` is run by no test.
 */

import { edgeCommand, PROJECT_ROOT } from "./edge_server.ts";
import { freePort } from "./ports.ts";
import { type ChildProcess, startProcess } from "./processes.ts";

/** A fenced block of a page. */
interface DocBlock {
  /** `file=/etc/edge/edge.conf`, `run=rotate`; empty without a mark. */
  readonly mark: string;
  /** `sh`, `conf`. */
  readonly language: string;
  readonly text: string;
}

const TIMEOUT_MS = 20_000;

/** Reads the blocks of a page, such as `docs/operations.md`. */
export function readBlocks(page: string): DocBlock[] {
  const text = Deno.readTextFileSync(`${PROJECT_ROOT}${page}`);
  const blocks = text.matchAll(/^```(\w*) ?(\S*)\n([^]*?)^```$/gm);
  return Array.from(blocks, ({ 1: language, 2: mark, 3: text }) => ({
    language: language!,
    mark: mark!,
    text: text!,
  }));
}

/**
 * A machine for the blocks of one page: a folder in place of `/etc`, `/run` and `/var`, free ports
 * in place of those that the page names, and the program as the command `edge`.
 */
export class DocMachine implements AsyncDisposable {
  /** Stands for `/`. */
  readonly root: string;
  readonly #blocks: readonly DocBlock[];
  readonly #ports = new Map<string, number>();
  readonly #stack = new AsyncDisposableStack();

  constructor(page: string, root: string) {
    this.#blocks = readBlocks(page);
    this.root = root;
    for (const folder of ["bin", "etc", "run", "var/log/edge", "etc/edge", "etc/logrotate.d"]) {
      Deno.mkdirSync(`${root}/${folder}`, { recursive: true });
    }
    const edge = edgeCommand().map((word) => `'${word}'`).join(" ");
    this.install("edge", `exec ${edge} "$@"`);
  }

  /** Adds a command, as a shell script, in place of one that tests cannot run. */
  install(name: string, script: string): void {
    const path = `${this.root}/bin/${name}`;
    Deno.writeTextFileSync(path, `#!/bin/bash\n${this.here(script)}\n`, { mode: 0o755 });
  }

  /** Returns the port that stands for one that the page names. */
  port(documented: number): number {
    const key = String(documented);
    const port = this.#ports.get(key) ?? freePort();
    this.#ports.set(key, port);
    return port;
  }

  /** Returns `text` with this machine's paths, and the ports that {@linkcode port} has given. */
  here(text: string): string {
    const paths = text.replace(/(?<![\w.}/-])\/(?=(?:etc|run|var)\b)/g, `${this.root}/`);
    return paths.replace(/\b\d{3,5}\b/g, (word) => String(this.#ports.get(word) ?? word));
  }

  /** Writes a file, from its block unless `text` is given. @returns its real path. */
  write(path: string, text = this.block(`file=${path}`)): string {
    const real = path.startsWith("/") ? this.here(path) : `${this.root}/${path}`;
    Deno.writeTextFileSync(real, this.here(text), { mode: 0o644 });
    return real;
  }

  /** Starts the program, and returns when it listens. It is stopped with the machine. */
  start(...args: string[]): Promise<ChildProcess> {
    return this.startWith({}, ...args);
  }

  /** As {@linkcode start}, with environment variables. */
  async startWith(
    env: Readonly<Record<string, string>>,
    ...args: string[]
  ): Promise<ChildProcess> {
    const command = [`${this.root}/bin/edge`, ...args.map((arg) => this.here(arg))] as const;
    const server = this.#stack.use(startProcess({ name: "edge", command, cwd: this.root, env }));
    await server.waitForLine(/Listening on rtmp/, TIMEOUT_MS);
    return server;
  }

  /**
   * Types the lines of a block into a shell, up to the first one that fails.
   *
   * @returns what they print.
   * @throws {Error} with what they print, when one fails.
   */
  async run(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-eu", "-o", "pipefail", "-c", this.here(this.block(`run=${name}`))],
      cwd: this.root,
      env: { ...env, PATH: this.#path },
      stdin: "null",
    }).output();
    const printed = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    if (code !== 0) throw new Error(`Block ${name} ended with ${code}:\n${printed}`);
    return printed;
  }

  /** Starts the only command of a block, which runs until the machine is disposed. */
  begin(name: string): ChildProcess {
    const text = `exec ${this.here(this.block(`run=${name}`))}`;
    const command = ["bash", "-c", text] as const;
    const env = { PATH: this.#path };
    return this.#stack.use(startProcess({ name, command, cwd: this.root, env }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Returns the text of the first block with a mark. */
  block(mark: string): string {
    const block = this.#blocks.find((each) => each.mark === mark);
    if (block === undefined) throw new Error(`The page has no block marked ${mark}`);
    return block.text;
  }

  get #path(): string {
    return `${this.root}/bin:${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`;
  }
}
