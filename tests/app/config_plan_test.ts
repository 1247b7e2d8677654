/** What has to change to get from one configuration to another. */

import { planChanges } from "../../lib/app/config_plan.ts";
import { SERVER_SETTINGS, VHOST_SETTINGS } from "../../lib/app/setting_table.ts";
import type { Config } from "../../lib/config/config.ts";
import { type Entries, ROOT } from "../../lib/config/schema.ts";
import { load } from "../config/helpers.ts";
import { recordingFolder } from "../../lib/app/written_paths.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

function configOf(text: string): Config {
  return load(`listen 1935; ${text}`).config;
}

function plan(current: string, next: string) {
  return planChanges(configOf(current), configOf(next));
}

Deno.test("planChanges() finds no difference between equal configurations", () => {
  const text = "vhost a { security { enabled on; deny play all; } } vhost b { }";
  const current = configOf(text);
  const { changes, added, changed, removed, config } = planChanges(current, configOf(text));
  assertEquals({ changes, added, changed, removed }, {
    changes: [],
    added: [],
    changed: [],
    removed: [],
  });
  assertEquals(config.vhosts.get("a") === current.vhosts.get("a"), true, "vhosts are kept as is");
});

Deno.test("planChanges() names what differs, with both values", () => {
  const { changes, changed, added, removed } = plan(
    "vhost a { play { queue_length 10; } } vhost b { }",
    `max_connections 7; http_api { enabled on; }
     vhost a { play { queue_length 5; atc on; } cluster { origin_select hash; } } vhost b { }`,
  );
  const live = { how: "live", note: "" } as const;
  assertEquals(changes, [
    { path: "max_connections", from: "1000", to: "7", ...live },
    { path: "http_api.enabled", from: "off", to: "on", ...live },
    { path: "vhost a cluster.origin_select", from: "ordered", to: "hash", ...live },
    { path: "vhost a play.queue_length", from: "10000ms", to: "5000ms", ...live },
    {
      ...{ path: "vhost a play.atc", from: "off", to: "on", how: "live" },
      note: "applies from the next publish on",
    },
  ]);
  assertEquals(changed.map(({ name }) => name), ["a"]);
  assertEquals([added, removed], [[], []]);
});

Deno.test("planChanges() keeps the objects of equal blocks", () => {
  const current = configOf("vhost a { hls { hls_window 30; } play { atc on; } }");
  const next = configOf("vhost a { hls { hls_window 30; } play { atc off; } }");
  const { changed: [vhost], config } = planChanges(current, next);
  assert(vhost!.hls === current.vhosts.get("a")!.hls);
  assert(vhost!.play === next.vhosts.get("a")!.play);
  assert(config.vhosts.get("a") === vhost);
});

Deno.test("planChanges() adds and removes vhosts", () => {
  const { changes, added, removed, config } = plan(
    "vhost a { } vhost b { }",
    "vhost b { } vhost c { }",
  );
  assertEquals(changes, [
    { path: "vhost c", from: "absent", to: "present", how: "live", note: "" },
    {
      path: "vhost a",
      from: "present",
      to: "absent",
      how: "live",
      note: "closes the clients of the vhost",
    },
  ]);
  assertEquals(added.map(({ name }) => name), ["c"]);
  assertEquals(removed.map(({ name }) => name), ["a"]);
  assertEquals([...config.vhosts.keys()], ["b", "c"]);
});

Deno.test("planChanges() replaces a vhost whose mode changes, and says what that costs", () => {
  const { changes, added, changed, removed } = plan(
    "vhost a { }",
    "vhost a { cluster { mode remote; origin 192.0.2.1; } }",
  );
  assertEquals(changes.map(({ path, from, to, note }) => [path, from, to, note]), [
    ["vhost a cluster.mode", "local", "remote", "closes the clients of the vhost"],
    ["vhost a cluster.origin", "(none)", "192.0.2.1:1935", ""],
  ]);
  assertEquals(added.map(({ mode }) => mode), ["remote"]);
  assertEquals(removed.map(({ mode }) => mode), ["local"]);
  assertEquals(changed, []);
});

Deno.test("planChanges() keeps what needs a restart, and gives the reason", () => {
  const current = configOf("vhost a { }");
  const next = configOf(
    "workers 2; chunk_size 4096; pid other.pid; work_dir /tmp; max_connections 7; vhost a { }",
  );
  const { changes, config } = planChanges(current, next);
  const waiting = changes.filter(({ how }) => how === "restart");
  assertEquals(waiting.map(({ path }) => path), ["workers", "chunk_size", "pid", "work_dir"]);
  for (const { path, note } of waiting) assert(note.length > 10, `${path} says why`);
  assertEquals(config.maxConnections, 7);
  assertEquals(planChanges(config, next).changes, waiting, "they are reported again next time");
  assertEquals(planChanges(current, config).changes.map(({ path }) => path), ["max_connections"]);
});

Deno.test("planChanges() keeps files where the process may write, for HLS and recordings", () => {
  const dvr = "dvr { enabled on; dvr_path /closed/[app]/[stream].flv; }";
  const hls = "hls { enabled on; hls_path /open; }";
  const next = configOf(`vhost a { ${hls} ${dvr} } vhost b { ${dvr} }`);
  const asked: string[] = [];
  const { changes, changed, added } = planChanges(configOf("vhost a { }"), next, (path) => {
    asked.push(path);
    return path === "/open";
  });
  assertEquals(new Set(asked), new Set(["/open", "/closed"]));
  assertEquals(changes.filter(({ how }) => how === "restart").map(({ path }) => path), [
    "vhost a dvr.enabled",
    "vhost a dvr.dvr_path",
    "vhost b dvr.enabled",
  ]);
  const enabled = [...changed, ...added].map(({ hls, dvr }) => [hls.enabled, dvr.enabled]);
  assertEquals(enabled, [[true, false], [false, false]]);
});

for (const [workers, waiting] of [[1, []], [2, ["vhost a hls.hls_variant"]]] as const) {
  Deno.test(`planChanges() changes which streams are renditions, with ${workers} worker(s)`, () => {
    const fileOf = (suffix: string, dispose: number) =>
      configOf(`workers ${workers}; vhost a {
        hls { enabled on; hls_variant ${suffix}; hls_dispose ${dispose}; }
      }`);
    const { changes, changed, config } = planChanges(fileOf("_hi", 60), fileOf("_lo", 70));
    assertEquals(
      changes.filter(({ how }) => how === "restart").map(({ path }) => path),
      [...waiting],
    );
    assertEquals(changed[0]!.hls.variants, workers === 1 ? ["_lo"] : ["_hi"]);
    assertEquals(changed[0]!.hls.disposeMs, 70_000);
    assertEquals(config.vhosts.get("a"), changed[0]);
  });
}

Deno.test("recordingFolder() is what dvr_path says before the first name", () => {
  const folders = ["/data/[app]/x.flv", "/a/b-[stream].flv", "[stream].flv", "/[stream].mp4", "x"]
    .map((path) => recordingFolder({ ...configOf("vhost a { }").vhosts.get("a")!.dvr, path }));
  assertEquals(folders, ["/data", "/a", ".", "/", "."]);
});

Deno.test("planChanges() shows no passwords, user names in URLs, or tokens", () => {
  const auth = (password: string) =>
    `http_api { enabled on; auth { enabled on; username admin; password ${password}; } }`;
  const hooks = (url: string) => `vhost a { http_hooks { enabled on; on_play ${url}; } }`;
  const { changes } = plan(
    `${auth("tulip")} ${hooks("http://bob:tulip@192.0.2.1:8085/play?key=tulip")}`,
    `${auth("narcissus")} ${hooks("http://192.0.2.1:8085/play?key=narcissus")}`,
  );
  assertEquals(changes.map(({ path, from, to }) => [path, from, to]), [
    ["http_api.auth.password", "(hidden)", "(hidden)"],
    [
      "vhost a http_hooks.on_play",
      "http://(hidden)@192.0.2.1:8085/play?(hidden)",
      "http://192.0.2.1:8085/play?(hidden)",
    ],
  ]);
});

Deno.test("every supported directive has a row in the setting table", () => {
  // Two names of one setting.
  const expected = pathsIn(ROOT).filter((path) => path !== "srs_log_level_v2");
  const vhosts = Object.keys(VHOST_SETTINGS).map((path) => `vhost.${path}`);
  assertEquals([...Object.keys(SERVER_SETTINGS), ...vhosts].sort(), expected.sort());
});

Deno.test("planChanges() notices a change of every value in a configuration", () => {
  const current = configOf(`vhost a {
    cluster { mode remote; origin 192.0.2.1; dns_server 192.0.2.53; stall_timeout 2s; }
    forward { enabled on; destination 192.0.2.9; }
    security { enabled on; deny play all; }
  }`);
  const leaves = [...leavesOf(current)].filter(([path]) => path[0] !== "vhosts");
  const vhost = current.vhosts.get("a")!;
  for (const [path, value] of leaves) {
    const { changes } = planChanges(current, withLeaf(current, path, other(value)));
    assertEquals(changes.length, 1, path.join("."));
  }
  for (const [path, value] of leavesOf(vhost)) {
    // The format of HTTP remuxing follows from its mount.
    if (path[0] === "name" || path.join(".") === "httpRemux.format") continue;
    const changed = withLeaf(vhost, path, other(value));
    const { changes } = planChanges(current, { ...current, vhosts: new Map([["a", changed]]) });
    assertEquals(changes.length, 1, `vhost ${path.join(".")}`);
  }
});

/** Paths of all supported directives in a block, sorted as the schema has them. */
function pathsIn(entries: Entries): string[] {
  return Object.entries(entries).flatMap(([name, entry]) => {
    if (entry.kind === "unsupported") return [];
    if (entry.kind === "option") return [name];
    return pathsIn(entry.entries).map((path) => `${name}.${path}`);
  });
}

type Path = readonly string[];

/** All values in `record` that are no records themselves, with their paths. */
function* leavesOf(record: object, at: Path = []): Generator<[Path, unknown]> {
  for (const [key, value] of Object.entries(record)) {
    const path = [...at, key];
    if (typeof value === "object" && !Array.isArray(value)) yield* leavesOf(value, path);
    else yield [path, value];
  }
}

function withLeaf<T extends object>(record: T, [key, ...rest]: Path, value: unknown): T {
  const inner = (record as Record<string, object>)[key!]!;
  return { ...record, [key!]: rest.length === 0 ? value : withLeaf(inner, rest, value) };
}

/** A different value of the same type. */
function other(value: unknown): unknown {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") return `${value}x`;
  return Array.isArray(value) && value.length === 0 ? ["x"] : [];
}
