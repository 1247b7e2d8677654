/** Other servers to compare with. One that is not installed is skipped with a message. */

import { freePort, isAccepting } from "../tests/helpers/ports.ts";
import { startProcess } from "../tests/helpers/processes.ts";
import { hasProgram, NGINX_RTMP_MODULE } from "../tests/helpers/programs.ts";
import { say } from "../tests/helpers/say.ts";
import { type Pinning, run } from "./machine.ts";
import { BenchServer, type Competitor, type Listening, untilUp } from "./servers.ts";
import { WORKSHOP } from "./workshop.ts";

const START_TIMEOUT_MS = 20_000;

const NODE_MEDIA_SERVER = "node-media-server@4.4.3";

/** nginx with its RTMP module and one worker, or null where it is not installed. */
export async function nginxRtmp(pinning: Pinning): Promise<Competitor | null> {
  if (!await hasProgram("nginx-rtmp")) return null;
  return { name: `nginx-rtmp (${await nginxVersion()})`, start: () => startNginxOnCore(pinning) };
}

async function nginxVersion(): Promise<string> {
  const text = await run("sh", "-c", "PATH=$PATH:/usr/sbin nginx -v");
  return text?.match(/nginx\/(\S+)/)?.[1] ?? "unknown";
}

/** Starts nginx on the server's core, pulling from a second nginx beside the load. */
export async function startNginxPair(pinning: Pinning): Promise<BenchServer> {
  const origin = await startNginx({ name: "nginx-origin", wrap: (command) => command, pull: "" });
  const edge = await startNginx({
    name: "nginx-edge",
    wrap: (command) => pinning.onServerCore(command),
    pull: `pull rtmp://127.0.0.1:${origin.port}/live;`,
  });
  return new BenchServer(edge.port, origin.port, [edge.process, origin.process]);
}

async function startNginxOnCore(pinning: Pinning): Promise<BenchServer> {
  const wrap = (command: readonly string[]) => pinning.onServerCore(command);
  const { port, process } = await startNginx({ name: "nginx-rtmp", wrap, pull: "" });
  return new BenchServer(port, port, [process]);
}

async function startNginx(options: {
  readonly name: string;
  readonly wrap: (command: [string, ...string[]]) => [string, ...string[]];
  /** A `pull` directive, or an empty string. */
  readonly pull: string;
}): Promise<Listening> {
  const { name, wrap, pull } = options;
  const port = freePort();
  const configFile = `${WORKSHOP}/${name}.conf`;
  await Deno.writeTextFile(
    configFile,
    `load_module ${NGINX_RTMP_MODULE};
daemon off;
master_process off;
pid ${WORKSHOP}/${name}.pid;
error_log stderr warn;
events { worker_connections 20000; }
rtmp {
  access_log off;
  ping 10m;
  server { listen 127.0.0.1:${port}; application live { live on; ${pull} } }
}
`,
  );
  const command = wrap(["nginx", "-p", WORKSHOP, "-e", "stderr", "-c", configFile]);
  const path = `PATH=${Deno.env.get("PATH") ?? ""}:/usr/sbin`;
  return await untilListening(name, port, ["env", path, ...command]);
}

/** node-media-server, or null where it cannot be installed. */
export async function nodeMediaServer(pinning: Pinning): Promise<Competitor | null> {
  if (await run("node", "--version") === null || await run("npm", "--version") === null) {
    say("skipped: node-media-server needs node and npm; apt-get install nodejs npm");
    return null;
  }
  const directory = `${WORKSHOP}/${NODE_MEDIA_SERVER}`;
  await Deno.mkdir(directory, { recursive: true });
  const flags = ["--no-audit", "--no-fund", "--silent"];
  if (await run("npm", "install", "--prefix", directory, ...flags, NODE_MEDIA_SERVER) === null) {
    say(`skipped: npm cannot install ${NODE_MEDIA_SERVER}; is there a network?`);
    return null;
  }
  return {
    name: NODE_MEDIA_SERVER.replace("@", " "),
    start: () => startNodeMediaServer(pinning, directory),
  };
}

async function startNodeMediaServer(pinning: Pinning, directory: string): Promise<BenchServer> {
  const port = freePort();
  const settings = { bind: "127.0.0.1", rtmp: { port }, store: { path: `${directory}/data` } };
  const program = `const Server = require("node-media-server");
new Server(${JSON.stringify(settings)}).run();
`;
  await Deno.writeTextFile(`${directory}/server.js`, program);
  const command = pinning.onServerCore(["node", `${directory}/server.js`]);
  const { process } = await untilListening("node-media-server", port, command);
  return new BenchServer(port, port, [process]);
}

async function untilListening(
  name: string,
  port: number,
  command: readonly [string, ...string[]],
): Promise<Listening> {
  const process = startProcess({ name, command, cwd: WORKSHOP });
  return await untilUp(process, async () => {
    await process.waitFor("listening", () => isAccepting(port), START_TIMEOUT_MS);
    return { port, process };
  });
}
