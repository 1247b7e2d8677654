/** The program as users run it: real processes, their exit codes, files and output. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "../helpers/assert.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { freePort } from "../helpers/ports.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { command, HANDSHAKE_START, RawPeer } from "../helpers/raw_peer.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";

const granted = await needs("net", "read", "write", "run", "env");

const LISTEN = ["--listen", "127.0.0.1:0"] as const;
const ORIGIN = "listen 1935;\nvhost __defaultVhost__ { }\n";

/** Defines a test that runs in its own directory. */
function serveTest(name: string, test: (place: WorkDirectory) => Promise<void>): void {
  Deno.test({
    ...granted,
    name,
    fn: () => inTempDirectory((directory) => test(new WorkDirectory(directory))),
  });
}

/** A directory that the program runs in. */
class WorkDirectory {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Writes a file. @returns its name. */
  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(`${this.directory}/${name}`, text);
    return name;
  }

  /** Returns the lines of a file. */
  async linesOf(name: string): Promise<string[]> {
    const text = await Deno.readTextFile(`${this.directory}/${name}`);
    return text.split("\n").filter((line) => line !== "");
  }

  /** Names of the files. */
  get names(): string[] {
    return [...Deno.readDirSync(this.directory)].map(({ name }) => name).sort();
  }

  /** Starts the program. */
  start(...args: readonly string[]): ChildProcess {
    return this.startWith({}, ...args);
  }

  /** Starts the program with environment variables. */
  startWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): ChildProcess {
    const command = [...edgeCommand(), ...args] as const;
    return startProcess({ name: "edge", command, cwd: this.directory, env });
  }

  /** Runs the program to its end. */
  async run(...args: readonly string[]): Promise<{ code: number; lines: readonly string[] }> {
    await using process = this.start(...args);
    const { code } = await endOf(process);
    return { code, lines: [...process.stdout, ...process.stderr] };
  }
}

/** Returns the port that a server logs. */
async function portOf(server: ChildProcess): Promise<number> {
  const [, port] = await server.waitForLine(
    /Listening on rtmp:\/\/127\.0\.0\.1:(\d+)/,
    CHILD_TIMEOUT_MS,
  );
  return Number(port);
}

serveTest("edge --version names version, commit, runtime and platform", async (place) => {
  await using edge = place.start("--version");
  assertEquals((await endOf(edge)).code, 0);
  const build = /^edge \d+\.\d+\.\d+ \((from source|(commit [0-9a-f]{12}|unknown commit)\+?), /;
  const runtime = /, Deno \d+\.\d+\.\d+, V8 [\w.-]+, \w+(-\w+)+\)$/;
  assertMatch(edge.stdout.join("\n"), build);
  assertMatch(edge.stdout.join("\n"), runtime);
});

serveTest("edge --test accepts a valid file and creates nothing", async (place) => {
  const file = await place.write("good.conf", `${ORIGIN}pid objs/a.pid; srs_log_file objs/a.log;`);
  for (const args of [["-t", "-c", file], ["--test", "--config", file]]) {
    const { code, lines } = await place.run(...args);
    assertEquals({ code, lines }, {
      code: 0,
      lines: ["Configuration file good.conf is valid"],
    });
  }
  assertEquals(place.names, ["good.conf"]);
});

serveTest(
  "edge reports every problem of a file with its position and exits with 78",
  async (place) => {
    const file = await place.write(
      "bad.conf",
      "listen 99999;\nvhost a {\n  mode remot;\n  orgin b;\n}\n",
    );
    for (const args of [["-t", "-c", file], ["-c", file]]) {
      const { code, lines } = await place.run(...args);
      assertEquals(code, 78);
      assertEquals(lines.map((line) => /^bad\.conf:\d+:\d+: .+: .+$/.test(line)), [
        true,
        true,
        true,
      ]);
      assertEquals(lines.map((line) => line.split(": ")[0]), [
        "bad.conf:1:8",
        "bad.conf:3:8",
        "bad.conf:4:3",
      ]);
      assertStringIncludes(lines[2]!, 'did you mean "origin"?');
    }
  },
);

const REFUSED_COMMANDS = [
  { args: ["--nope"], code: 64, says: /^edge: Unknown option "--nope"$/ },
  { args: ["--confg", "x.conf"], code: 64, says: /^fix: did you mean "--config"\?/ },
  { args: ["x.conf"], code: 64, says: /^fix: to load a file: `edge --config x\.conf`$/ },
  { args: ["--test"], code: 64, says: /^edge: Option "--test" has no configuration to test$/ },
  { args: ["-c", "none.conf"], code: 78, says: /^none\.conf: Cannot read .*no such file: name a/ },
  { args: ["--listen", "99999"], code: 64, says: /^--listen: .* write a port from 0 to 65535$/ },
  { args: ["-t", "-c", "."], code: 78, says: /^\.: Cannot read .*: it is a folder: name a/ },
  { args: ["--listen", "no:where"], code: 64, says: /^--listen: / },
] as const;

for (const { args, code, says } of REFUSED_COMMANDS) {
  serveTest(`edge ${args.join(" ")} exits with ${code} and prints a fix`, async (place) => {
    const result = await place.run(...args);
    assertEquals(result.code, code);
    assert(result.lines.some((line) => says.test(line)), result.lines.join("\n"));
    assertEquals(place.names, []);
  });
}

serveTest("edge without a file is an origin and logs that first", async (place) => {
  await using server = place.start(...LISTEN);
  const port = await portOf(server);
  assertMatch(server.stderr[0]!, /config="none: an origin with default settings"/);
  await using player = await RtmpClient.play(port, "show");
  await using publisher = await RtmpClient.publish(port, "show");
  publisher.push(numberedFrame(1));
  await player.untilMedia(1);
});

serveTest("edge reads SRS's environment variables and logs their names only", async (place) => {
  const api = "http_api { enabled on; auth { enabled on; username admin; password file; } }";
  const file = await place.write("a.conf", `${ORIGIN}${api}\n`);
  const port = freePort();
  const env = {
    SRS_LISTEN: "127.0.0.1:1",
    SRS_CONFIG_FILE: file,
    SRS_HTTP_API_LISTEN: `127.0.0.1:${port}`,
    SRS_HTTP_API_AUTH_PASSWORD: "from the environment",
  };
  await using server = place.startWith(env, "--config", "none.conf", ...LISTEN);
  await portOf(server);
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/versions`, {
    headers: { authorization: `Basic ${btoa("admin:from the environment")}` },
  });
  await answer.body?.cancel();
  assertEquals(answer.status, 200);
  const log = server.stderr.join("\n");
  assertMatch(log, /names="SRS_CONFIG_FILE SRS_LISTEN .*SRS_HTTP_API_AUTH_PASSWORD"/);
  assert(!log.includes("from the environment"), log);
});

serveTest("edge reads no file when SRS_ENV_ONLY is on", async (place) => {
  await using server = place.startWith(
    { SRS_ENV_ONLY: "on", EDGE_ORIGIN: "127.0.0.1:1" },
    "--config",
    "none.conf",
    ...LISTEN,
  );
  await portOf(server);
  assertMatch(server.stderr.join("\n"), /Vhost __defaultVhost__ is an edge origins=127\.0\.0\.1:1/);
});

serveTest("edge --origin is an edge without a file", async (place) => {
  await using origin = place.start(...LISTEN);
  const originPort = await portOf(origin);
  await using edge = place.start(...LISTEN, "--origin", `127.0.0.1:${originPort}`);
  await using player = await RtmpClient.play(await portOf(edge), "show");
  await using publisher = await RtmpClient.publish(originPort, "show");
  publisher.push(numberedFrame(1));
  await player.untilMedia(1);
});

serveTest(
  "edge writes its pid file into new directories and removes it at the end",
  async (place) => {
    const file = await place.write("a.conf", `${ORIGIN}pid objs/run/a.pid;\n`);
    await using server = place.start("-c", file, ...LISTEN);
    await portOf(server);
    assertEquals(await place.linesOf("objs/run/a.pid"), [String(server.pid)]);
    assertEquals((await server.stop()).code, 0);
    assertEquals([...Deno.readDirSync(`${place.directory}/objs/run`)], []);
  },
);

serveTest("edge refuses to start twice with one pid file", async (place) => {
  const file = await place.write("a.conf", `${ORIGIN}pid a.pid;\n`);
  await using server = place.start("-c", file, ...LISTEN);
  await portOf(server);
  const { code, lines } = await place.run("-c", file, ...LISTEN);
  assertEquals({ code, lines }, {
    code: 1,
    lines: [
      `edge: Cannot start: process ${server.pid} holds pid file a.pid`,
      `fix: stop process ${server.pid}, replace it with --replace, or choose another pid path`,
    ],
  });
  assertEquals(await place.linesOf("a.pid"), [String(server.pid)]);
});

serveTest(
  "edge prints a fix when its port is in use, and releases its pid file",
  async (place) => {
    await using server = place.start(...LISTEN);
    const port = await portOf(server);
    const file = await place.write("a.conf", `${ORIGIN}pid a.pid;\n`);
    const { code, lines } = await place.run("-c", file, "--listen", `127.0.0.1:${port}`);
    assertEquals(code, 1);
    assertMatch(lines[0]!, new RegExp(`^edge: Cannot listen on 127\\.0\\.0\\.1:${port}: `));
    assertEquals(lines.slice(1), [
      "fix: stop the program that uses the port, or choose another one with --listen",
    ]);
    assertEquals(place.names, ["a.conf"]);
  },
);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  serveTest(`edge stops cleanly at ${signal}, with clients and upstreams`, async (place) => {
    await using origin = place.start(...LISTEN);
    const originPort = await portOf(origin);
    await using edge = place.start(...LISTEN, "--origin", `127.0.0.1:${originPort}`);
    const edgePort = await portOf(edge);
    await using player = await RtmpClient.play(edgePort, "a");
    await using pulled = await RtmpClient.publish(originPort, "a");
    await using pushed = await RtmpClient.publish(edgePort, "b");
    await using _silent = await RawPeer.connect(edgePort);
    pulled.push(numberedFrame(1));
    pushed.push(numberedFrame(1));
    await player.untilMedia(1);
    Deno.kill(edge.pid, signal);
    assertEquals((await endOf(edge)).code, 0, edge.describe());
    await player.untilEnded();
    await pushed.untilEnded();
    assertMatch(edge.stderr.at(-1)!, /Stopped$/);
    assertEquals(edge.stderr.filter((line) => / (WARN|ERROR) /.test(line)), []);

    Deno.kill(origin.pid, signal);
    assertEquals((await endOf(origin)).code, 0, origin.describe());
    assertEquals(origin.stderr.filter((line) => / (WARN|ERROR) /.test(line)), []);
  });
}

serveTest("edge warns about daemon on and stays in the foreground", async (place) => {
  const file = await place.write("a.conf", `daemon on;\n${ORIGIN}`);
  await using server = place.start("-c", file, ...LISTEN);
  await portOf(server);
  assertMatch(server.stderr[0]!, /WARN .*a\.conf:1:1: .*"daemon".*stays in the foreground/);
  assertEquals(server.status, undefined);
});

serveTest("edge writes its log file into a new directory, and appends to it", async (place) => {
  const file = await place.write(
    "a.conf",
    `${ORIGIN}daemon on; srs_log_tank file; srs_log_file ./objs/log/a.log;\n`,
  );
  for (let run = 1; run <= 2; run++) {
    await using server = place.start("-c", file, ...LISTEN);
    await using peer = await RawPeer.connect(await portOf(server));
    await peer.handshake();
    // A chunk that continues nothing.
    await peer.write(new Uint8Array([0xC6]));
    await peer.untilEnded();
    assertEquals((await server.stop()).code, 0);
    const lines = await place.linesOf("objs/log/a.log");
    for (const text of ["daemon", " started ", "Client closed: Cannot read chunk", "Stopped"]) {
      assertEquals(lines.filter((line) => line.includes(text)).length, run, text);
      // Warnings and notices reach the terminal as well.
      assertEquals(server.stderr.filter((line) => line.includes(text)).length, 1, text);
    }
  }
});

serveTest("edge runs without its log file when it cannot be created", async (place) => {
  await place.write("objs", "a file where the directory should be");
  const file = await place.write(
    "a.conf",
    `${ORIGIN}srs_log_tank file; srs_log_file objs/a.log;\n`,
  );
  await using server = place.start("-c", file, ...LISTEN);
  await using _client = await RtmpClient.connect(await portOf(server));
  assertMatch(server.stderr[0]!, /^Cannot open log file objs\/a\.log: /);
  assertMatch(server.stderr[1]!, /^fix: /);
});

serveTest("edge --log-format json writes only lines of JSON", async (place) => {
  const file = await place.write("a.conf", `daemon on;\n${ORIGIN}`);
  await using server = place.start("-c", file, ...LISTEN, "--log-format", "json");
  await using peer = await RawPeer.connect(await portOf(server));
  await peer.write(new Uint8Array([0xFF]));
  await peer.untilEnded();
  await server.stop();
  const events = server.stderr.map((line) => JSON.parse(line));
  assert(events.length >= 5, `${events.length} lines`);
  for (const event of events) {
    assertMatch(event.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assertMatch(event.level, /^(info|warning)$/);
    assert(event.message.length > 0 && event.layer.length > 0, JSON.stringify(event));
  }
  const closed = events.find(({ code }) => code === "handshake.version");
  assertEquals(closed?.peer, peer.address);
});

serveTest("edge writes no token into its log, even at debug", async (place) => {
  const debug = [...LISTEN, "--log-level", "debug"];
  await using origin = place.start(...debug);
  const originPort = await portOf(origin);
  await using edge = place.start(...debug, "--origin", `127.0.0.1:${originPort}`);
  const port = await portOf(edge);
  const tcUrl = `rtmp://127.0.0.1:${port}/live?key=SECRET`;
  await using player = await RtmpClient.play(port, "show?token=SECRET", { tcUrl });
  await using publisher = await RtmpClient.publish(port, "show?token=SECRET&a=b", { tcUrl });
  publisher.push(numberedFrame(1));
  await player.untilMedia(1);
  // A refusal by the edge, one by the origin, and unreadable URLs.
  await using inOrigin = await RtmpClient.publish(originPort, "busy?token=SECRET");
  for (const name of ["show?token=SECRET", "busy?token=SECRET", "?token=SECRET"]) {
    const refused = await RtmpClient.publish(port, name).catch((error) => error);
    assertMatch(String(refused), /NetStream\.Publish\.(BadName|Denied)/);
  }
  for (const bad of ["nonsense?token=SECRET", "rtmp://?token=SECRET"]) {
    await RtmpClient.connect(port, { tcUrl: bad }).catch(() => {});
  }
  await using odd = await RawPeer.connect(port);
  await odd.write(HANDSHAKE_START, new Uint8Array(1536), command("play", 0));
  await odd.untilEnded();
  await player.close();
  await publisher.close();
  await inOrigin.close();
  for (const server of [edge, origin]) {
    await server.stop();
    assert(server.stderr.some((line) => / DEBUG /.test(line)), "nothing at debug");
    assertEquals(server.stderr.filter((line) => line.includes("SECRET")), []);
  }
});

serveTest("edge demo --seconds 2 proves that every frame arrives", async (place) => {
  const { code, lines } = await place.run("demo", "--seconds", "2");
  assertEquals(code, 0, lines.join("\n"));
  assertMatch(lines.at(-1)!, /^OK: all 6 players got every frame once/);
  assertEquals(place.names, []);
});

serveTest("edge demo stops cleanly at Ctrl-C", async (place) => {
  await using demo = place.start("demo", "--seconds", "600");
  await demo.waitForLine(/encoder → edge.*[1-9]/, CHILD_TIMEOUT_MS);
  Deno.kill(demo.pid, "SIGINT");
  assertEquals((await endOf(demo)).code, 0, demo.stdout.join("\n"));
  assertMatch(demo.stdout.at(-1)!, /^OK: all 6 players got every frame once/);
});
