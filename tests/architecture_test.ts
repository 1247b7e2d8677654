/** Holds the program to its layers: which layer may import which, and which may use the runtime. */

import { assertEquals } from "./helpers/assert.ts";
import { needs } from "./helpers/permissions.ts";

/** Layers from the bottom up. A file imports from its own layer and from lower rows. */
const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["amf", "config"],
  ["media"],
  ["rtmp", "logging"],
  ["session", "hub"],
  ["splice"],
  ["io"],
  ["upstream"],
  ["server"],
  ["origin", "edge", "hls", "forward"],
  ["dvr"],
  ["monitor"],
  ["http"],
  ["threads"],
  ["app"],
  ["demo"],
  ["cli"],
];

/**
 * Imports from a lower row that are forbidden: HLS is a viewer of streams and knows no clients, and
 * the API takes its facts about codecs from `media`.
 */
const FORBIDDEN: readonly string[] = [
  "hls → io",
  "hls → upstream",
  "hls → server",
  "hls → session",
  "dvr → io",
  "dvr → upstream",
  "dvr → server",
  "dvr → session",
  "dvr → origin",
  "dvr → edge",
  "monitor → hls",
  "forward → origin",
  "forward → edge",
];

/** Layers in which nothing waits: bytes and times go in, calls come out. */
const PURE_LAYERS: readonly string[] = ["rtmp", "session", "hub", "splice"];

/** Words that a pure layer must not use. */
const WAITING =
  /\b(async|await|Promise|queueMicrotask|set(?:Timeout|Interval|Immediate)|performance|Date)\b/;

/** Files outside the runtime layers that may use the runtime. */
const RUNTIME_FILES: readonly string[] = [
  "io/tcp.ts",
  "io/dns.ts",
  "config/load.ts",
  "hls/hls_files.ts",
  "dvr/dvr_files.ts",
  "http/static_files.ts",
];
const RUNTIME_LAYERS: readonly string[] = ["logging", "monitor", "threads", "app", "demo", "cli"];

/** The file that opens sockets, and the layers that may pass it to others. */
const SOCKET_FILE = "io/tcp.ts";
const SOCKET_LAYERS: readonly string[] = ["io", "threads", "app", "demo", "cli"];

/** The only file below those layers that makes HTTP requests. */
const FETCH_FILE = "server/hook_client.ts";

/** Returns the rules that a file breaks, one line each; `path` is relative to `lib`. */
function brokenRules(path: string, source: string): string[] {
  const code = stripCommentsAndStrings(source);
  return [
    ...importsOf(source).flatMap((specifier) => brokenImport(path, specifier)),
    ...brokenSocketImport(path, source),
    ...(usesRuntime(code) && !mayUseRuntime(path) ? [`${path} uses Deno`] : []),
    ...(mayFetch(path) || !usesFetch(code) ? [] : [`${path} makes HTTP requests`]),
    ...brokenPurity(path, code),
  ];
}

function brokenImport(path: string, specifier: string): string[] {
  if (!specifier.startsWith(".")) return [];
  const target = resolve(path, specifier);
  const [from, to] = [layerOf(path), layerOf(target)];
  const way = `${from} → ${to}`;
  const isBelow = rankOf(to) < rankOf(from) && !FORBIDDEN.includes(way);
  const isAllowed = from === to || isBelow;
  if (!isAllowed) return [`${path} imports ${target}: ${from} may not import ${to}`];
  if (PURE_LAYERS.includes(from) && target === "base/clock.ts") {
    return [`${path} imports the clock: time is an argument in ${from}`];
  }
  return [];
}

/** Everything else receives a `Network`, so that tests can run it without sockets. */
function brokenSocketImport(path: string, source: string): string[] {
  if (SOCKET_LAYERS.includes(layerOf(path))) return [];
  const isImported = importsOf(source.replace(/^(import|export) type\b[^;]*;/gm, ""))
    .some((specifier) => resolve(path, specifier) === SOCKET_FILE);
  return isImported ? [`${path} imports ${SOCKET_FILE}: pass it a Network`] : [];
}

/** Returns the path of an imported file, relative to `lib`. */
function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///lib/${path}`).pathname.replace(/^\/(lib\/)?/, "");
}

function brokenPurity(path: string, code: string): string[] {
  if (!PURE_LAYERS.includes(layerOf(path))) return [];
  const found = WAITING.exec(code);
  return found === null ? [] : [`${path} uses ${found[0]}: nothing waits in ${layerOf(path)}`];
}

function usesRuntime(code: string): boolean {
  return /\bDeno\b/.test(code);
}

function mayUseRuntime(path: string): boolean {
  return RUNTIME_FILES.includes(path) || RUNTIME_LAYERS.includes(layerOf(path));
}

/** Finds the global function, not a method. */
function usesFetch(code: string): boolean {
  return /(?<![.#\w])fetch\b/.test(code);
}

function mayFetch(path: string): boolean {
  return path === FETCH_FILE || RUNTIME_LAYERS.includes(layerOf(path));
}

function layerOf(path: string): string {
  return path.split("/")[0]!;
}

/** A file outside all layers, such as `main.ts`, ranks above them: none may import it. */
function rankOf(layer: string): number {
  const rank = LAYERS.findIndex((row) => row.includes(layer));
  return rank < 0 ? LAYERS.length : rank;
}

function importsOf(source: string): string[] {
  const specifiers = /^(?:import|export)\b[^;]*?\bfrom "([^"]+)"|\bimport\(?\s*"([^"]+)"/gm;
  return [...source.matchAll(specifiers)].map(([, from, other]) => from ?? other!);
}

/** Comments and strings may mention anything. Templates contain code, so they stay. */
function stripCommentsAndStrings(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*|"(?:\\.|[^"\\\n])*"/g, "");
}

const CASES = [
  { path: "rtmp/a.ts", source: 'import { x } from "../base/bytes.ts";', broken: [] },
  { path: "io/a.ts", source: 'import { x } from "../rtmp/url.ts";', broken: [] },
  { path: "io/a.ts", source: '/** Deno.listen */ say("Deno."); // await Deno', broken: [] },
  { path: "demo/a.ts", source: 'import "../app/run.ts"; Deno.exit();', broken: [] },
  {
    path: "session/a.ts",
    source: 'import type {\n  X,\n} from "../hub/hub.ts";',
    broken: ["session/a.ts imports hub/hub.ts: session may not import hub"],
  },
  {
    path: "hub/a.ts",
    source: 'export { x } from "../session/b.ts";',
    broken: ["hub/a.ts imports session/b.ts: hub may not import session"],
  },
  {
    path: "upstream/a.ts",
    source: 'const x = await import("../server/server.ts");',
    broken: ["upstream/a.ts imports server/server.ts: upstream may not import server"],
  },
  {
    path: "demo/a.ts",
    source: 'import "../threads/pool.ts";\nimport "../../main.ts";',
    broken: ["demo/a.ts imports main.ts: demo may not import main.ts"],
  },
  {
    path: "rtmp/a.ts",
    source: 'import { systemClock } from "../base/clock.ts";',
    broken: ["rtmp/a.ts imports the clock: time is an argument in rtmp"],
  },
  {
    path: "hub/a.ts",
    source: "async function x() {}",
    broken: ["hub/a.ts uses async: nothing waits in hub"],
  },
  {
    path: "session/a.ts",
    source: "setTimeout(run, 5);",
    broken: ["session/a.ts uses setTimeout: nothing waits in session"],
  },
  { path: "io/a.ts", source: "say(`${Deno.pid}`);", broken: ["io/a.ts uses Deno"] },
  {
    path: "hls/a.ts",
    source: 'import { x } from "../server/server.ts"; import { y } from "../hub/hub.ts";',
    broken: ["hls/a.ts imports server/server.ts: hls may not import server"],
  },
  {
    path: "monitor/a.ts",
    source: 'import { x } from "../hls/track.ts"; import { y } from "../media/codecs.ts";',
    broken: ["monitor/a.ts imports hls/track.ts: monitor may not import hls"],
  },
  { path: "hls/a.ts", source: "Deno.remove(x);", broken: ["hls/a.ts uses Deno"] },
  { path: "app/a.ts", source: 'import { denoNetwork } from "../io/tcp.ts";', broken: [] },
  { path: "server/a.ts", source: 'import type { X } from "../io/tcp.ts";', broken: [] },
  {
    path: "upstream/a.ts",
    source: 'import {\n  denoNetwork,\n} from "../io/tcp.ts";',
    broken: ["upstream/a.ts imports io/tcp.ts: pass it a Network"],
  },
  { path: "io/a.ts", source: "await app.fetch(x);", broken: [] },
  { path: "io/a.ts", source: "await fetch(x);", broken: ["io/a.ts makes HTTP requests"] },
] as const;

for (const { path, source, broken } of CASES) {
  Deno.test(`brokenRules() finds ${broken.length} in ${path}: ${source}`, () => {
    assertEquals(brokenRules(path, source), [...broken]);
  });
}

const LIB = new URL("../lib/", import.meta.url);
const granted = await needs("read");

Deno.test({
  ...granted,
  name: "every file of lib keeps to its layer",
  fn() {
    const paths = [...listModules("")];
    assertEquals(paths.length > 50, true, `found only ${paths.length} files`);
    assertEquals(paths.filter((path) => rankOf(layerOf(path)) === LAYERS.length), []);
    const broken = paths.flatMap((path) =>
      brokenRules(path, Deno.readTextFileSync(new URL(path, LIB)))
    );
    assertEquals(broken, []);
  },
});

/** Returns the paths of the modules below a folder of `lib`, relative to `lib`. */
function* listModules(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, LIB))) {
    const path = `${folder}${name}`;
    if (isDirectory) yield* listModules(`${path}/`);
    else if (name.endsWith(".ts")) yield path;
  }
}
