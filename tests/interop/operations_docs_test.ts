/** Every command and file of `docs/operations.md`, run as an operator would. */

import { assert, assertEquals, assertMatch, assertRejects } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { DocMachine, readBlocks } from "../helpers/doc_page.ts";
import { needs } from "../helpers/permissions.ts";
import { isAccepting } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { RawPeer } from "../helpers/raw_peer.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { CertificateAuthority } from "../helpers/certificates.ts";
import { hasProgram } from "../helpers/programs.ts";
import { until } from "../helpers/until.ts";

const PAGE = "docs/operations.md";
const granted = await needs("net", "read", "write", "run", "env");

/** A block of another language than these is an example of output. */
const COMMANDS = ["sh", "conf", "ini"];

/** What shows that the blocks of these marks do what the page says. */
interface Scene {
  readonly marks: readonly string[];
  readonly show: (machine: DocMachine) => Promise<void>;
}

/** A server with the paths that the page names. */
const SERVER = `listen 127.0.0.1:1935;
  pid /run/edge.pid;
  srs_log_file /var/log/edge/edge.log;
  vhost __defaultVhost__ { }\n`;

const API = "http_api { enabled on; listen 127.0.0.1:1985; }";
const FAST_DRAIN = "grace_start_wait 100; grace_final_wait 0;";

const SCENES: Readonly<Record<string, Scene>> = {
  "logs are rotated": {
    marks: ["file=/etc/logrotate.d/edge", "run=rotate"],
    async show(machine) {
      machine.port(1935);
      machine.write("/etc/edge/edge.conf", SERVER);
      const server = await machine.start("--config", "/etc/edge/edge.conf");
      const log = machine.here("/var/log/edge/edge.log");
      const opened = () => server.stderr.filter((line) => /opened again/.test(line)).length;
      await machine.run("rotate");
      await server.waitFor("a new log", () => opened() === 1, CHILD_TIMEOUT_MS);
      assertMatch(await Deno.readTextFile(`${log}.1`), /Listening on rtmp/);
      await untilFirstLine(log, /opened again/);

      const file = machine.write("/etc/logrotate.d/edge");
      if (!await hasProgram("logrotate")) return;
      await Deno.remove(`${log}.1`);
      const { code, stderr } = await new Deno.Command("logrotate", {
        args: ["--force", "--state", `${machine.root}/state`, file],
        env: { PATH: "/usr/sbin:/usr/bin:/bin" },
      }).output();
      assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
      await server.waitFor("a new log", () => opened() === 2, CHILD_TIMEOUT_MS);
      await untilFirstLine(log, /opened again/);
    },
  },
  "RTMPS and HTTPS are served": {
    marks: ["file=/etc/edge/tls.conf"],
    async show(machine) {
      if (!await hasProgram("openssl")) return;
      const ca = await CertificateAuthority.create(machine.here("/etc/edge"));
      await ca.issue({ name: "tls" });
      for (const port of [1935, 8080]) machine.port(port);
      const [rtmps, https] = [machine.port(1443), machine.port(8088)];
      await machine.start("--config", machine.write("/etc/edge/tls.conf"));
      const trust = { caFile: ca.file, isVerified: true };
      await using _client = await RtmpClient.publish(rtmps, "show", { trust });
      using client = Deno.createHttpClient({ caCerts: [ca.text] });
      const response = await fetch(`https://localhost:${https}/none`, { client });
      assertEquals([response.status, await response.text() !== ""], [404, true]);
    },
  },
  "HAProxy passes on the clients' addresses": {
    marks: ["file=/etc/edge/balanced.conf", "file=/etc/haproxy/haproxy.cfg"],
    async show(machine) {
      if (!await hasProgram("haproxy")) return;
      machine.port(19350);
      const port = machine.port(1935);
      const server = await machine.start("--config", machine.write("/etc/edge/balanced.conf"));
      await Deno.mkdir(machine.here("/etc/haproxy"));
      const file = machine.write("/etc/haproxy/haproxy.cfg");
      await using _haproxy = startProcess({
        name: "haproxy",
        command: ["env", "PATH=/usr/sbin:/usr/bin:/bin", "haproxy", "-db", "-f", file],
      });
      await until("HAProxy listens", () => isAccepting(port), { timeoutMs: CHILD_TIMEOUT_MS });
      await using _client = await RtmpClient.publish(port, "show");
      await using direct = await RawPeer.connect(machine.port(19350));
      await direct.write(new Uint8Array([3]));
      await direct.untilEnded();
      await server.waitForLine(/Client closed: No PROXY protocol header/, CHILD_TIMEOUT_MS);
    },
  },
  "the configuration is reloaded": {
    marks: ["run=reload", "run=reload-api"],
    async show(machine) {
      machine.port(1935);
      const api = "http_api { enabled on; listen 127.0.0.1:1985; }\n";
      machine.port(1985);
      machine.write("/etc/edge/edge.conf", `${SERVER} ${api}`);
      const server = await machine.start("--config", "/etc/edge/edge.conf");
      machine.write("/etc/edge/edge.conf", `${SERVER} ${api} max_connections 2000;`);
      await machine.run("reload");
      const log = machine.here("/var/log/edge/edge.log");
      await until("the change in the log", async () => {
        return /Setting changed: max_connections/.test(await Deno.readTextFile(log));
      }, { timeoutMs: CHILD_TIMEOUT_MS });
      assertMatch(await machine.run("reload-api"), /"code":0.*"applied":\[\]/);
      machine.write("/etc/edge/edge.conf", "nonsense;");
      await assertRejects(() => machine.run("reload"), Error, "nonsense");
      assertMatch(await machine.run("reload-api"), /"code":1023.*"problems":\[.*nonsense/);
      assertEquals(server.status, undefined);
    },
  },
  "systemd is notified": {
    marks: ["file=/etc/systemd/system/edge.service"],
    async show(machine) {
      machine.port(1935);
      machine.write("/etc/edge/edge.conf", SERVER);
      await Deno.mkdir(machine.here("/etc/systemd/system"), { recursive: true });
      const unit = await Deno.readTextFile(machine.write("/etc/systemd/system/edge.service"));
      assertMatch(unit, /^Type=notify$/m);
      const [, args] = unit.match(/^ExecStart=\S+ (.*)$/m)!;
      const [, reload] = unit.match(/^ExecReload=(.*)$/m)!;
      const path = `${machine.root}/run/notify`;
      const socket = Deno.listenDatagram({ transport: "unixpacket", path });
      using _closed = { [Symbol.dispose]: () => socket.close() };
      const receive = async () => new TextDecoder().decode((await socket.receive())[0]);
      const server = await machine.startWith({ NOTIFY_SOCKET: path }, ...args!.split(" "));
      assertMatch(await receive(), /^READY=1\n/);
      const command = ["-c", reload!.replace("$MAINPID", String(server.pid))];
      await new Deno.Command("sh", { args: command }).output();
      assertMatch(await receive(), /^RELOADING=1\nMONOTONIC_USEC=\d+\n/);
      assertMatch(await receive(), /^READY=1\n/);
      await server.stop();
      assertMatch(await receive(), /^STOPPING=1\n/);
    },
  },
  "a server is drained": {
    marks: ["run=drain", "run=drain-api"],
    async show(machine) {
      for (const block of ["drain", "drain-api"]) {
        const [port] = [machine.port(1935), machine.port(1985)];
        machine.write("/etc/edge/edge.conf", `${SERVER} ${FAST_DRAIN} ${API}`);
        const server = await machine.start("--config", "/etc/edge/edge.conf");
        await using client = await RtmpClient.publish(port, "show");
        await machine.run(block);
        const log = machine.here("/var/log/edge/edge.log");
        await untilLine(log, /Draining: waiting connections=1/);
        await client.close();
        assertEquals((await endOf(server)).code, 0, server.describe());
        await Deno.remove(log);
      }
    },
  },
  "a server is replaced": {
    marks: ["run=replace"],
    async show(machine) {
      if (Deno.build.os !== "linux") return;
      const port = machine.port(1935);
      machine.write("/etc/edge/edge.conf", `${SERVER} ${FAST_DRAIN}`);
      const old = await machine.start("--config", "/etc/edge/edge.conf");
      await using _client = await RtmpClient.connect(port);
      await machine.run("replace");
      const log = machine.here("/var/log/edge/edge.log");
      await untilLine(log, /replaced by process.*Draining: waiting connections=1/s);
      const pid = Number(await Deno.readTextFile(machine.here("/run/edge.pid")));
      await using _other = await RtmpClient.publish(port, "show");
      await _client.close();
      assertEquals((await endOf(old)).code, 0, old.describe());
      Deno.kill(pid, "SIGTERM");
      await until("the new one has ended", async () => {
        return await Deno.stat(machine.here("/run/edge.pid")).then(() => false, () => true);
      }, { timeoutMs: CHILD_TIMEOUT_MS });
    },
  },
  "the kernel has the settings": {
    marks: ["run=kernel", "run=migrate"],
    async show(machine) {
      // They concern the whole machine, so that they are only looked up.
      machine.install("sysctl", 'name="${2%%=*}"; test -e "/proc/sys/${name//.//}"');
      if (Deno.build.os !== "linux") return;
      await machine.run("kernel");
      await machine.run("migrate");
    },
  },
};

async function untilLine(path: string, pattern: RegExp): Promise<void> {
  await until(`${pattern} in ${path}`, async () => {
    return pattern.test(await Deno.readTextFile(path).catch(() => ""));
  }, { timeoutMs: CHILD_TIMEOUT_MS });
}

async function untilFirstLine(path: string, pattern: RegExp): Promise<void> {
  await until(`${pattern} in ${path}`, async () => {
    const text = await Deno.readTextFile(path).catch(() => "");
    return pattern.test(text.split("\n")[0]!);
  }, { timeoutMs: CHILD_TIMEOUT_MS });
}

for (const [name, { show }] of Object.entries(SCENES)) {
  Deno.test({
    ...granted,
    name: `${PAGE}: ${name}`,
    fn: () =>
      inTempDirectory(async (root) => {
        await using machine = new DocMachine(PAGE, root);
        await show(machine);
      }),
  });
}

Deno.test({ ...granted, name: `${PAGE}: every block of commands is run by a scene` }, () => {
  const shown = new Set(Object.values(SCENES).flatMap(({ marks }) => marks));
  const blocks = readBlocks(PAGE).filter(({ language }) => COMMANDS.includes(language));
  assert(blocks.length > 0);
  const missed = blocks.filter(({ mark }) => !shown.has(mark));
  assertEquals(missed.map(({ mark, text }) => mark || text), []);
});
