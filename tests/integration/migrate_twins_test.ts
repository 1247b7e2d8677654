/** What `edge migrate` makes of a file behaves as the file does: it relays and refuses the same. */

import { migrateConfig } from "../../lib/config/migrate/migrate.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { type LocalServer, PROMPT, startLocalFile, startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { AVC_HEADER, keyframe } from "../helpers/media.ts";
import { startNginxRtmp } from "../helpers/nginx_rtmp.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** What became of a client: `ok`, or why it was refused. */
type Outcome = string;

async function outcomeOf(attempt: () => Promise<void>): Promise<Outcome> {
  try {
    await attempt();
    return "ok";
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

/** Publishes a stream and plays it. @returns what became of both clients */
async function relay(port: number, name: string, tcUrl: string): Promise<Outcome[]> {
  await using clients = new AsyncDisposableStack();
  const published = await outcomeOf(async () => {
    const publisher = clients.use(await RtmpClient.publish(port, name, { tcUrl }));
    clients.use(sendFrames(publisher));
  });
  const played = await outcomeOf(async () => {
    const player = clients.use(await RtmpClient.connect(port, { tcUrl }));
    // As RtmpClient.play(), which waits until a client that is refused has been closed.
    player.sendCommand("createStream", [null]);
    player.sendCommand("play", [null, name], 1);
    await player.untilStatus("NetStream.Play.Start");
    if (published === "ok") await player.untilMedia(2);
  });
  return [published, played].map((outcome) => outcome.replaceAll(name, "NAME"));
}

/** One of each is in a generated file. */
const SRS_PARTS: readonly (readonly string[])[] = [
  [
    "",
    "security { enabled on; deny publish all; }",
    "security { enabled on; allow play 10.0.0.0/8; allow publish all; }",
    "security { enabled on; allow publish 127.0.0.0/8; deny play 127.0.0.1; }",
  ],
  ["", "refer { enabled on; all example.com; }", "refer { enabled on; publish example.com; }"],
  ["", "cluster { mode remote; origin ORIGIN; }"],
];

/** Returns a file for each way to choose one of every part, with the choice as its vhosts. */
function generateSrs(): string[] {
  const choices = SRS_PARTS.reduce<string[][]>(
    (all, parts) => all.flatMap((chosen) => parts.map((part) => [...chosen, part])),
    [[]],
  );
  return choices.map((chosen, index) => {
    const play = `play { ${PROMPT} play_wait 200ms; }`;
    const other = index % 2 === 0 ? "" : `vhost a.example { enabled off; }`;
    return `listen 1935;\nvhost __defaultVhost__ { ${play} ${chosen.join(" ")} }\n${other}\n`;
  });
}

/** Both kinds of file relay and refuse the same, at the default vhost and at another one. */
async function assertTwins(origin: LocalServer, template: string): Promise<Outcome[]> {
  const text = template.replace("ORIGIN", `127.0.0.1:${origin.port}`);
  const { toml } = migrateConfig(text, "srs.conf", () => undefined);
  await using original = startLocalFile("srs.conf", text);
  await using twin = startLocalFile("edge.toml", toml);
  const outcomes = await Promise.all([original, twin].map(async ({ port }) => [
    ...await relay(port, `s${port}`, "rtmp://127.0.0.1/live"),
    ...await relay(port, `t${port}`, "rtmp://a.example/live"),
  ]));
  assertEquals(outcomes[1], outcomes[0], text);
  return outcomes[0]!;
}

netTest("edge migrate of SRS files: the file and its twin relay and refuse the same", async () => {
  await using origin = startOrigin();
  const found = new Set<Outcome>();
  for (const text of generateSrs()) {
    for (const outcome of await assertTwins(origin, text)) found.add(outcome);
  }
  // The files are of several kinds, not refused alike.
  assert(found.has("ok") && found.size >= 4, [...found].join("\n"));
});

/** What `live` of nginx-rtmp has; the origin is an edge's, or what is pushed to. */
const NGINX_RULES = [
  "",
  "allow publish 127.0.0.1; deny publish all;",
  "deny publish 127.0.0.0/8;",
  "deny play all;",
  "allow play 10.0.0.1; deny play all;",
  "deny publish 10.0.0.1; allow play all;",
  "push rtmp://ORIGIN/live;",
  "pull rtmp://ORIGIN/live;",
];

/** What a server does with clients of `live`, and whether it reaches the origin. */
async function behaviourOf(port: number, rules: string, origin: LocalServer): Promise<string[]> {
  const name = `n${port}`;
  const tcUrl = `rtmp://127.0.0.1:${port}/live`;
  if (rules.startsWith("pull")) {
    await using player = await RtmpClient.connect(port, { tcUrl });
    player.sendCommand("createStream", [null]);
    player.sendCommand("play", [null, "pulled"], 1);
    await player.untilMedia(3);
    return ["pulled"];
  }
  if (rules.startsWith("push")) {
    await using publisher = await RtmpClient.publish(port, name, { tcUrl });
    await using player = await RtmpClient.play(origin.port, name);
    await using _frames = sendFrames(publisher);
    await player.untilMedia(3);
    return ["pushed"];
  }
  if (rules.startsWith("deny publish 127")) {
    await using publisher = await RtmpClient.connect(port, { tcUrl });
    await publisher.publish(name);
    // nginx-rtmp says that it publishes, and closes.
    await publisher.untilEnded();
    return ["publisher refused"];
  }
  const [published, played] = await relay(port, name, tcUrl);
  return [published!, played === "ok" ? "played" : "player refused"];
}

/** Publishes a keyframe every 40 ms until it is disposed. */
function sendFrames(publisher: RtmpClient): AsyncDisposable {
  let timestampMs = 0;
  publisher.push({ typeId: 9, timestampMs, payload: AVC_HEADER });
  const timer = setInterval(() => {
    timestampMs += 40;
    publisher.push({ typeId: 9, timestampMs, payload: keyframe(1) });
  }, 40);
  return { [Symbol.asyncDispose]: () => Promise.resolve(clearInterval(timer)) };
}

Deno.test({
  ...granted,
  name: "edge migrate of nginx-rtmp files: nginx and the twin relay and refuse the same",
  ignore: granted.ignore || !await hasProgram("nginx-rtmp"),
  fn: () =>
    inTempDirectory(async (directory) => {
      await using origin = startOrigin();
      await using source = await RtmpClient.publish(origin.port, "pulled");
      await using _frames = sendFrames(source);
      for (const [index, template] of NGINX_RULES.entries()) {
        const rules = template.replace("ORIGIN", `127.0.0.1:${origin.port}`);
        const text = `rtmp { server { listen 1935; application live { live on; ${rules} } } }`;
        const { toml } = migrateConfig(text, "nginx.conf", () => undefined);
        const nginx = await startNginxRtmp({ name: `nginx${index}`, directory, rules });
        await using _process = nginx.process;
        await using twin = startLocalFile("edge.toml", toml);
        const [there, here] = await Promise.all(
          [nginx.port, twin.port].map((port) => behaviourOf(port, rules, origin)),
        );
        assertEquals(here, there, text);
      }
    }),
});
