/** Where the benchmarks keep what they build and download: C programs, other servers, results. */

import { PROJECT_ROOT } from "../tests/helpers/edge_server.ts";
import { run } from "./machine.ts";

/** Kept between runs, ignored by git. */
export const WORKSHOP = `${PROJECT_ROOT}.cache/bench`;

/** A C program of this folder. */
export type CProgram = "load" | "floor" | "awake";

/** Compiles the programs and returns their paths. @throws {Error} without a C compiler */
export async function buildPrograms(): Promise<Record<CProgram, string>> {
  await Deno.mkdir(WORKSHOP, { recursive: true });
  return {
    load: await build("load"),
    floor: await build("floor"),
    awake: await build("awake"),
  };
}

async function build(name: CProgram): Promise<string> {
  return await buildProgram(new URL(`${name}.c`, import.meta.url).pathname, name);
}

/** Compiles a C program and returns its path. @throws {Error} when that fails */
export async function buildProgram(
  source: string,
  name: string,
  ...flags: readonly string[]
): Promise<string> {
  const path = `${WORKSHOP}/${name}`;
  const { success, stderr } = await compile(source, path, flags);
  if (!success) throw new Error(`Cannot compile ${name}.c: ${new TextDecoder().decode(stderr)}`);
  return path;
}

async function compile(
  source: string,
  path: string,
  flags: readonly string[],
): Promise<Deno.CommandOutput> {
  if (await run("gcc", "--version") === null) {
    throw new Error("Cannot find gcc for the load generator: apt-get install gcc libc6-dev");
  }
  return await new Deno.Command("gcc", { args: ["-O2", ...flags, "-o", path, source] }).output();
}
