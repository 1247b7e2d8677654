/** The configuration is loaded again, as an operator does it: real processes and files. */

import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { isAccepting } from "../helpers/ports.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { ReloadRig } from "./reload_rig.ts";

const granted = await needs("net", "read", "write", "run", "env");

const NO_PUBLISH = "vhost __defaultVhost__ { security { enabled on; deny publish all; } }";

function reloadTest(name: string, test: (rig: ReloadRig) => Promise<void>): void {
  Deno.test({
    ...granted,
    name,
    fn: () =>
      inTempDirectory(async (directory) => {
        await using rig = new ReloadRig(directory);
        await test(rig);
      }),
  });
}

async function canPublish({ port }: ReloadRig): Promise<boolean> {
  try {
    await using _client = await RtmpClient.publish(port, `probe${crypto.randomUUID()}`);
    return true;
  } catch {
    return false;
  }
}

for (const workers of [1, 2]) {
  reloadTest(`edge reloads at SIGHUP with ${workers} worker(s); clients stay`, async (rig) => {
    const threads = `workers ${workers};`;
    rig.write(threads);
    await rig.start();
    await using publisher = await RtmpClient.publish(rig.port, "show");
    await using player = await RtmpClient.play(rig.port, "show");
    publisher.push(numberedFrame(1));
    await player.untilMedia(1);
    rig.write(`${threads} max_connections 77; chunk_size 4096; queue_length 5;`, NO_PUBLISH);
    const [first, ...rest] = await rig.reload();
    assertMatch(
      first!,
      /ERROR .*Configuration not reloaded: the old one .* cause=SIGHUP problems=1$/,
    );
    assertMatch(rest[0]!, /edge\.conf:3:\d+: .*"queue_length"/);
    assert(await canPublish(rig), "nothing has changed");

    rig.write(`${threads} max_connections 77; chunk_size 4096;`, NO_PUBLISH);
    const lines = await rig.reload();
    assertMatch(
      lines[0]!,
      / Configuration reloaded cause=SIGHUP applied=3 needs_restart=1 warnings=0$/,
    );
    for (
      const line of [
        /INFO .*Setting changed: max_connections from=1000 to=77$/,
        /INFO .*Setting changed: vhost __defaultVhost__ security\.enabled from=off to=on$/,
        /WARN .*Setting needs a restart: chunk_size from=60000 to=4096 note=".*one chunk size/,
      ]
    ) assert(lines.some((each) => line.test(each)), `${line} in ${lines.join("\n")}`);
    assert(!await canPublish(rig));
    publisher.push(numberedFrame(2));
    await player.untilMedia(2);
  });
}

reloadTest(
  "edge reloads at POST /api/v1/reload and at SRS's GET, and says what it did",
  async (rig) => {
    const api = (raw: string) =>
      `http_api { enabled on; listen 127.0.0.1:${rig.apiPort}; raw_api { ${raw} } }`;
    const write = (raw: string, rest = "") =>
      rig.writeFile("edge.conf", `listen 127.0.0.1:${rig.port}; ${api(raw)} vhost a { } ${rest}\n`);
    write("");
    await rig.start();
    assertEquals((await rig.ask("GET", "/api/v1/raw?rpc=reload")).code, 1061);
    write("enabled on; allow_reload on;", "workers 2; tcp_nodelay on;");
    const refused = await rig.ask("POST", "/api/v1/reload");
    assertEquals(refused.code, 1023);
    assertMatch(refused.data.problems.join(), /^edge\.conf:1:\d+: .*"tcp_nodelay"/);
    write("enabled on; allow_reload on;", "workers 2;");
    const { code, data } = await rig.ask("POST", "/api/v1/reload");
    assertEquals([code, data.applied.map(({ directive }: { directive: string }) => directive)], [
      0,
      [
        "http_api.raw_api.enabled",
        "http_api.raw_api.allow_reload",
      ],
    ]);
    const note = "the number of threads is fixed at startup";
    assertEquals(data.needs_restart, [{ directive: "workers", from: "1", to: "2", note }]);
    write("enabled on; allow_reload on;");
    assertEquals((await rig.ask("GET", "/api/v1/raw?rpc=reload")).data.needs_restart, []);
    const { data: last } = await rig.ask("GET", "/api/v1/raw?rpc=reload-fetch");
    assertEquals([last.err, last.msg, last.state], [0, "Success", 90]);
    await rig.process.waitForLine(/cause="GET \/api\/v1\/raw from 127\.0\.0\.1"/, CHILD_TIMEOUT_MS);
  },
);

reloadTest(
  "edge keeps its configuration when a file is missing, a folder, or its port is taken",
  async (rig) => {
    rig.writeFile("more.conf", "max_connections 50;");
    rig.write("include more.conf;");
    await rig.start();
    await Deno.remove(`${rig.directory}/more.conf`);
    assertMatch((await rig.reload()).join("\n"), /edge\.conf:3:\d+: Cannot include "more\.conf"/);
    await Deno.mkdir(`${rig.directory}/more.conf`);
    assertMatch((await rig.reload()).join("\n"), /Cannot include "more\.conf": it is a folder/);
    await Deno.remove(`${rig.directory}/more.conf`);
    await Deno.rename(`${rig.directory}/edge.conf`, `${rig.directory}/gone.conf`);
    assertMatch((await rig.reload()).join("\n"), /Cannot read the configuration: there is no such/);
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const listen = `listen 127.0.0.1:${rig.port} 127.0.0.1:${taken.addr.port};`;
    rig.writeFile("edge.conf", `${listen} ${NO_PUBLISH}\n`);
    const lines = await rig.reload();
    assertMatch(
      lines.join("\n"),
      /Cannot listen on .*: Address already in use.*: stop the program/,
    );
    assert(await canPublish(rig), "nothing has changed");
    assert(await isAccepting(rig.apiPort));
  },
);

reloadTest(
  "edge keeps what the command line and the environment say when it reloads",
  async (rig) => {
    rig.write();
    const args = ["--listen", `127.0.0.1:${rig.port}`, "--log-level", "info"];
    await rig.start({ args, env: { SRS_MAX_CONNECTIONS: "60" } });
    const elsewhere =
      `listen 127.0.0.1:1; http_api { enabled on; listen 127.0.0.1:${rig.apiPort}; }`;
    rig.writeFile(
      "edge.conf",
      `${elsewhere} max_connections 7; srs_log_level_v2 error; vhost b { }\n`,
    );
    const { data } = await rig.ask("POST", "/api/v1/reload");
    assertEquals(data.applied.map(({ directive }: { directive: string }) => directive), [
      "vhost b",
      "vhost __defaultVhost__",
    ]);
  },
);

reloadTest("edge finds its files again after it changed to work_dir", async (rig) => {
  await Deno.mkdir(`${rig.directory}/objs`);
  rig.writeFile("more.conf", "max_connections 50;");
  rig.write("work_dir objs; include more.conf;");
  await rig.start();
  rig.writeFile("more.conf", "max_connections 51;");
  assertMatch((await rig.reload()).join("\n"), /Setting changed: max_connections from=50 to=51/);
});

reloadTest("edge that may not write says that a log file and HLS need a restart", async (rig) => {
  rig.write();
  await rig.start();
  const hls = "hls { enabled on; hls_path ./hls; }";
  const vhosts = `vhost __defaultVhost__ { ${hls} play { queue_length 7; } } vhost new { ${hls} }`;
  rig.write("srs_log_file edge.log;", vhosts);
  const { code, data } = await rig.ask("POST", "/api/v1/reload");
  const paths = (list: { directive: string }[]) => list.map(({ directive }) => directive);
  assertEquals([code, paths(data.applied)], [0, [
    "vhost __defaultVhost__ play.queue_length",
    "vhost new",
  ]]);
  assertEquals(paths(data.needs_restart), [
    "srs_log_tank",
    "srs_log_file",
    "vhost __defaultVhost__ hls.enabled",
    "vhost __defaultVhost__ hls.hls_path",
    "vhost new hls.enabled",
  ]);
  assertMatch(data.needs_restart[0].note, /permission to write/);
  await using publisher = await RtmpClient.publish(rig.port, "show");
  publisher.push(numberedFrame(1));
  assertEquals([...Deno.readDirSync(rig.directory)].map(({ name }) => name), ["edge.conf"]);
});

reloadTest(
  "edge survives 100 SIGHUPs at once, while it starts, and while it stops",
  async (rig) => {
    rig.write("workers 2; pid edge.pid;");
    const starting = rig.start();
    while (!await Deno.stat(`${rig.directory}/edge.pid`).catch(() => null)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const storm = () => {
      for (let count = 0; count < 100; count++) Deno.kill(rig.process.pid, "SIGHUP");
    };
    storm();
    await starting;
    await rig.untilReloaded();
    for (let count = 0; count < 10; count++) {
      rig.write(`workers 2; pid edge.pid; max_connections ${100 + count};`);
      storm();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await rig.process.waitForLine(/max_connections from=\d+ to=109/, CHILD_TIMEOUT_MS);
    Deno.kill(rig.process.pid, "SIGTERM");
    storm();
    assertEquals((await endOf(rig.process)).code, 0, rig.process.describe());
  },
);
