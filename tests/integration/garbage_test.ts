/**
 * A peer that sends garbage, or nothing, loses its connection, with one log line that says why.
 * Other connections are unaffected: a stream that runs meanwhile loses no frame.
 */

import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { LeapingClock } from "../helpers/leaping_clock.ts";
import {
  type LocalServer,
  type LogLine,
  PROMPT,
  startEdgeOf,
  startLocalServer,
  startOrigin,
} from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { NumberedStream } from "../helpers/numbered_stream.ts";
import {
  AMF_NULL,
  amfObjectOf,
  amfString,
  chunkHeader,
  command,
  HANDSHAKE_START,
  message,
  RawPeer,
} from "../helpers/raw_peer.ts";
import { until } from "../helpers/until.ts";

/** A hostile connection, and its log line. */
interface Attack {
  readonly name: string;
  /** How far the peer behaves properly first; not at all by default. */
  readonly after?: "handshake" | "connect";
  /** Attacks; returns when everything is sent, or when the server has closed the connection. */
  run(peer: RawPeer, clock: LeapingClock): Promise<unknown>;
  /** What the server logs. */
  readonly message: RegExp;
  /** At info if the peer does not even try to speak RTMP; a warning otherwise. */
  readonly level?: "info" | "warning";
}

/** Longer than any time limit for a client's request. */
const LONG_MS = 31_000;

/** Generous: the clients are in the same process, and garbage is collected late. */
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

/** The publisher's clock stands still while the server's leaps. */
const PATIENT = "publish { normal_timeout 1000000; }";

const CUT_HANDSHAKES: readonly Attack[] = [1, 2, 1000, 1536, 1537, 1538, 3072].map((length) => ({
  name: `a handshake cut after ${length} bytes`,
  async run(peer) {
    const whole = concatBytes([HANDSHAKE_START, new Uint8Array(1536)]);
    await peer.write(whole.subarray(0, length));
    await peer.closeWrite();
  },
  message: new RegExp(`^Client closed: it left before "connect", after ${length} bytes$`),
  level: "info",
}));

const FIRST_BYTES: readonly Attack[] = [
  {
    name: "random bytes",
    run: (peer) => peer.write(randomBytes(4096, 1)),
    message: /^Client closed: Cannot start RTMP handshake: first byte is 0x\w\w/,
    level: "info",
  },
  {
    name: "an HTTP request",
    run: (peer) => peer.write(encodeUtf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    message: /looks like an HTTP request on an RTMP port$/,
    level: "info",
  },
  {
    name: "a TLS hello",
    run: (peer) => peer.write(hex("16 0301 0200 01 0001FC 0303"), randomBytes(512, 2)),
    message: /looks like TLS on a port without TLS$/,
    level: "info",
  },
  {
    name: "a proxy header of impossible length",
    run: (peer) => peer.write(hex("F3 FFFF"), randomBytes(512, 3)),
    message: /^Client closed: Cannot read proxy header/,
    level: "info",
  },
];

const CHUNKS: readonly Attack[] = [
  {
    name: "a header that announces 16 MB",
    after: "handshake",
    run: (peer) => peer.write(chunkHeader(3, 20, 0xFFFFFF)),
    message: /^Client closed: .*16777215/,
  },
  {
    name: "70,000 chunk streams",
    after: "handshake",
    // fmt 0 with a 3-byte csid (64 to 65,599, then from the start), length 1, type 9, stream 1;
    // payload 0.
    run: (peer) =>
      peer.write(
        ...Array.from({ length: 70_000 }, (_, index) => {
          const [low, high] = [index & 0xFF, (index >>> 8) & 0xFF];
          return new Uint8Array([1, low, high, 0, 0, 0, 0, 0, 1, 9, 1, 0, 0, 0, 0]);
        }),
      ),
    message: /^Client closed: Cannot open chunk stream \d+: the limit of 64 is reached$/,
  },
  {
    name: "more unfinished messages than allowed",
    after: "handshake",
    // SetChunkSize 60,000, then on each of three chunk streams the first chunk of a message of
    // 100,000 bytes.
    async run(peer) {
      await peer.write(message(1, hex("0000EA60")));
      for (let csid = 10; csid < 13; csid++) {
        await peer.write(chunkHeader(csid, 9, 100_000), new Uint8Array(60_000));
      }
    },
    message: /^Client closed: Cannot buffer \d+ bytes of incomplete messages/,
  },
  {
    name: "a chunk stream that opens with fmt 3",
    after: "handshake",
    run: (peer) => peer.write(hex("C3 00")),
    message: /^Client closed: Cannot read chunk on csid 3: fmt 3 before any fmt 0$/,
  },
  {
    name: "a chunk stream that opens with fmt 2",
    after: "handshake",
    run: (peer) => peer.write(hex("83 000000 00")),
    message: /^Client closed: Cannot read chunk on csid 3: fmt 2 before any fmt 0$/,
  },
  {
    name: "a new message inside another",
    after: "handshake",
    run: (peer) =>
      peer.write(chunkHeader(3, 20, 200), new Uint8Array(128), chunkHeader(3, 20, 200)),
    message: /^Client closed: Cannot start a message on csid 3 with fmt 0: only 128 of 200 bytes/,
  },
  {
    name: "a chunk size of 0",
    after: "handshake",
    run: (peer) => peer.write(message(1, hex("00000000"))),
    message: /^Client closed: Cannot use chunk size 0/,
  },
  {
    name: "an aggregate that is cut",
    after: "connect",
    run: (peer) =>
      peer.write(
        command("publish", 0, AMF_NULL, amfString("cut")),
        message(22, hex("09 FFFFFF 000000 00 000000")),
      ),
    message: /^Client closed: Cannot split aggregate message/,
  },
];

const COMMANDS: readonly Attack[] = [
  {
    name: "AMF nested 10,000 deep in connect",
    after: "handshake",
    // Each level is an object (03) whose only key is "a" (0001 61).
    run: (peer) => peer.write(command("connect", 1, ...Array(10_000).fill(hex("03 0001 61")))),
    message:
      /^Client refused: Cannot connect: Cannot decode AMF0: objects are nested more than 32 deep$/,
  },
  {
    name: "connect without tcUrl and app",
    after: "handshake",
    run: (peer) => peer.write(command("connect", 1, amfObjectOf({ flashVer: "x" }))),
    message: /^Client refused: Cannot read RTMP URL "": it does not start with a schema/,
  },
  {
    name: "connect without an object",
    after: "handshake",
    run: (peer) => peer.write(command("connect", 1)),
    message: /^Client refused: Cannot connect: the command object is missing$/,
  },
  {
    name: "play before connect",
    after: "handshake",
    run: (peer) => peer.write(command("play", 0, AMF_NULL, amfString("healthy"))),
    message: /^Client refused: Cannot run command "play" before "connect"/,
  },
  {
    name: "a second connect",
    after: "connect",
    run: (peer) => peer.write(command("connect", 2, amfObjectOf({ tcUrl: "rtmp://a/live" }))),
    message: /^Client refused: Cannot connect twice on one connection$/,
  },
  {
    name: "play without a name",
    after: "connect",
    run: (peer) => peer.write(command("play", 0, AMF_NULL)),
    message: /^Client refused: Cannot play: the stream name is missing; /,
  },
  {
    name: "a URL that would break the log line",
    after: "handshake",
    run: (peer) => peer.write(command("connect", 1, amfObjectOf({ tcUrl: "\r\nERROR [edge]" }))),
    message: /^Client refused: Cannot read RTMP URL "\\u\{d\}\\u\{a\}ERROR \[edge\]": /,
  },
];

const TIMEOUTS: readonly Attack[] = [
  {
    name: "a silent connection",
    run: (_peer, clock) => Promise.resolve(clock.leap(LONG_MS)),
    message: /^Client closed: no play or publish within 30000 ms$/,
  },
  {
    name: "a handshake sent byte by byte",
    async run(peer, clock) {
      for (const byte of HANDSHAKE_START.subarray(0, 8)) {
        await peer.write(new Uint8Array([byte]));
        clock.leap(LONG_MS / 8);
      }
    },
    message: /^Client closed: no play or publish within 30000 ms$/,
  },
  {
    name: "a connect sent byte by byte",
    after: "handshake",
    async run(peer, clock) {
      for (const byte of command("connect", 1).subarray(0, 8)) {
        await peer.write(new Uint8Array([byte]));
        clock.leap(LONG_MS / 8);
      }
    },
    message: /^Client closed: no play or publish within 30000 ms$/,
  },
  {
    name: "a client that connects and then requests nothing",
    after: "connect",
    run: (_peer, clock) => Promise.resolve(clock.leap(LONG_MS)),
    message: /^Client closed: no play or publish within 30000 ms$/,
  },
];

for (const attack of [...FIRST_BYTES, ...CUT_HANDSHAKES, ...CHUNKS, ...COMMANDS, ...TIMEOUTS]) {
  watchedTest(`${attack.name} closes that connection with one line`, async ({ server, clock }) => {
    await using peer = await RawPeer.connect(server.port);
    if (attack.after === "handshake") await peer.handshake();
    if (attack.after === "connect") await peer.connectApp();
    await attack.run(peer, clock);
    await passRefusal(server, clock, attack);
    await peer.untilEnded();
    await assertLogged(server, [peer], attack);
  });
}

/** A client that is refused has 2 s to read why. Lets them pass. */
async function passRefusal(
  { log }: LocalServer,
  clock: LeapingClock,
  { message }: Attack,
): Promise<void> {
  if (!message.source.startsWith("^Client refused: ")) return;
  await until("the refusal", () => log.urgent.length > 0, { timeoutMs: 5_000 });
  clock.leap(2_000);
}

function ignoredBy(server: LocalServer): string[] {
  return server.log.lines.map(({ message }) => message).filter((message) =>
    message.startsWith("Message ignored: ")
  );
}

const UNREADABLE: readonly Uint8Array[] = [
  message(5, hex("0000")),
  message(20, hex("05")),
  message(20, new Uint8Array(300).fill(0xFF)),
];

watchedTest(
  "messages that cannot be read leave the connection and one line of each kind",
  async ({ server }) => {
    await using peer = await RawPeer.connect(server.port);
    await peer.connectApp();
    for (const bytes of [...UNREADABLE, ...UNREADABLE]) await peer.write(bytes);
    await until("both lines", () => ignoredBy(server).length === 2, { timeoutMs: 5_000 });
    assertEquals(peer.isEnded, false);
  },
);

netTest("garbage in an edge closes that connection with one line", async () => {
  const clock = new LeapingClock();
  await using origin = startOrigin(PATIENT, clock);
  await using edge = startEdgeOf(origin, "", clock);
  await using healthy = await NumberedStream.start(edge, origin);
  // One of the first bytes: others within a second are only counted.
  for (const attack of [FIRST_BYTES[0]!, ...CHUNKS, ...COMMANDS]) {
    await using peer = await RawPeer.connect(edge.port);
    if (attack.after === "handshake") await peer.handshake();
    if (attack.after === "connect") await peer.connectApp();
    await attack.run(peer, clock);
    await passRefusal(edge, clock, attack);
    await peer.untilEnded();
    await assertLogged(edge, [peer], attack);
    edge.log.lines.length = 0;
  }
  await healthy.untilFresh();
  assertEquals(edge.upstreamCount, 1);
});

watchedTest(
  "random bytes after the handshake close that connection with one line",
  async ({ server, clock }) => {
    await using peers = new AsyncDisposableStack();
    const all: RawPeer[] = [];
    for (let seed = 1; seed <= 50; seed++) {
      const peer = peers.use(await RawPeer.connect(server.port));
      all.push(peer);
      await peer.handshake();
      await peer.write(randomBytes(20_000, seed));
    }
    // Some start a message that never ends.
    clock.leap(LONG_MS);
    for (const peer of all) await peer.untilEnded();
    await assertWarnings(server, all, /^Client closed: ./);
  },
);

watchedTest(
  "a handshake that breaks off with a reset closes that connection with one line",
  async ({ server }) => {
    await using peer = await RawPeer.connect(server.port, false);
    await peer.write(HANDSHAKE_START);
    await server.untilCounts({ connections: 3 });
    // Closing with unread bytes resets the connection.
    await until("S0", () => server.log.count("Client connected") === 3, { timeoutMs: 5_000 });
    await peer.close();
    await assertLogged(server, [peer], {
      message: /^Client closed: it left before "connect"/,
      level: "info",
    });
  },
);

watchedTest("200 port probes leave one line and a number", async ({ server }) => {
  for (let i = 0; i < 200; i++) {
    await using peer = await RawPeer.connect(server.port);
    await peer.write(encodeUtf8("GET / HTTP/1.1\r\n\r\n"));
    await peer.untilEnded();
  }
  const counts = () => server.log.lines.map(({ fields }) => Number(fields["count"] ?? 0));
  const counted = () => counts().reduce((sum, count) => sum + count, 0);
  await until("the number of the others", () => counted() === 199, { timeoutMs: 5_000 });
  assertEquals(server.log.urgent, []);
  const ends = server.log.lines.filter(({ message }) => /^Clients? closed: /.test(message));
  assert(ends.length < 10, `there are ${ends.length} lines`);
});

watchedTest(
  "a health check that connects and leaves causes no warning",
  async ({ server }) => {
    await using peer = await RawPeer.connect(server.port);
    await server.untilCounts({ connections: 3 });
    await peer.close();
    await server.untilCounts({ connections: 2 });
    assertEquals(server.log.urgent, []);
  },
);

watchedTest(
  "500 silent connections are closed, with one line each",
  async ({ server, clock }) => {
    await using stack = new AsyncDisposableStack();
    const peers = await Promise.all(
      Array.from({ length: 500 }, () => RawPeer.connect(server.port)),
    );
    for (const peer of peers) stack.use(peer);
    await server.untilCounts({ connections: 502 });
    clock.leap(LONG_MS);
    for (const peer of peers) await peer.untilEnded();
    await assertWarnings(
      server,
      peers,
      /^Client closed: no play or publish within 30000 ms$/,
    );
  },
);

netTest("clients beyond max_connections are closed, with one line for all of them", async () => {
  const clock = new LeapingClock();
  const vhost = `vhost __defaultVhost__ { ${PROMPT} ${PATIENT} }`;
  await using server = startLocalServer(`max_connections 2; ${vhost}`, clock);
  await using healthy = await NumberedStream.start(server);
  for (let times = 0; times < 20; times++) {
    await using peer = await RawPeer.connect(server.port);
    await peer.untilEnded();
  }
  clock.leap(1_000);
  const counts = () => server.log.urgent.map(({ fields }) => Number(fields["count"]));
  const total = () => counts().reduce((sum, count) => sum + count, 0);
  await until("a line that counts them", () => total() === 20, { timeoutMs: 5_000 });
  assert(counts().length < 10, `${counts().length} lines`);
  await healthy.untilFresh();
  assertEquals(server.log.urgent[0]?.message, "Client refused: connection limit reached");
  await healthy.player.close();
  await server.untilCounts({ connections: 1 });
  await using _next = await RawPeer.connect(server.port);
  await server.untilCounts({ connections: 2 });
});

watchedTest("unknown messages from a publisher are ignored", async ({ server, healthy }) => {
  const { publisher } = healthy;
  const data = { timestampMs: 0, payload: hex("FF FF FF") };
  for (const typeId of [0, 7, 10, 11, 14, 16, 19, 21, 23, 99, 255]) {
    publisher.push({ typeId, ...data });
    publisher.push({ typeId, ...data });
  }
  // User control event 31 (unknown), an unknown command, AMF3 data and shared objects.
  publisher.send(message(4, hex("001F 00000001")));
  publisher.sendCommand("wibble", [null, "wobble"]);
  publisher.push({ typeId: 15, timestampMs: 0, payload: hex("09 01") });
  await publisher.barrier();
  assertEquals(server.log.urgent, []);
  const ignored = ignoredBy(server);
  // The eleven unknown types, the AMF3 data and the command, once each.
  assertEquals([ignored.length, new Set(ignored).size], [13, 13]);
});

watchedTest(
  "a client that keeps asking and never reads the answers is closed",
  async ({ server }) => {
    await using peer = await RawPeer.connect(server.port, false);
    await peer.write(HANDSHAKE_START, new Uint8Array(1536));
    await peer.write(command("connect", 1, amfObjectOf({ app: "live", tcUrl: "rtmp://a/live" })));
    // Ping requests (user control event 6), each with an answer of the same length.
    const pings = concatBytes(Array(10_000).fill(message(4, hex("0006 00000000"))));
    await server.untilCounts({ connections: 3 });
    const flooding = flood(peer, pings);
    await server.untilCounts({ connections: 2 });
    // Deno 2.7 closes a socket with a blocked write only when the peer reads or leaves.
    peer.startReading();
    await flooding;
    await assertWarnings(
      server,
      [peer],
      /^Client closed: Cannot send more answers: \d+ bytes are unread$/,
    );
  },
);

watchedTest(
  "a client that keeps asking after a refusal is refused once",
  async ({ server, clock }) => {
    await using peer = await RawPeer.connect(server.port);
    await peer.connectApp();
    const publish = command("publish", 0, AMF_NULL, amfString("healthy"), amfString("live"));
    const again = concatBytes([publish, command("closeStream", 0, AMF_NULL)]);
    // Refused as soon as the owner of the name has shown that it is alive.
    await peer.write(publish);
    await until("the refusal", () => server.log.urgent.length > 0, { timeoutMs: 5_000 });
    for (let times = 0; times < 100; times++) await peer.write(again);
    clock.leap(2_000);
    for (let times = 0; times < 100; times++) await peer.write(again);
    await peer.untilEnded();
    await assertWarnings(
      server,
      [peer],
      /^Client refused: Stream "live\/healthy" already has a publisher/,
    );
  },
);

watchedTest("an endless stream name is refused with a short line", async ({ server, clock }) => {
  await using peer = await RawPeer.connect(server.port);
  await peer.connectApp();
  await peer.write(command("play", 0, AMF_NULL, amfString("x".repeat(60_000))));
  // A name is the client's matter: no warning.
  const refusals = () =>
    server.log.lines.filter(({ message }) => message.startsWith("Client refused: "));
  await until("the refusal", () => refusals().length > 0, { timeoutMs: 5_000 });
  clock.leap(2_000);
  await peer.untilEnded();
  assertEquals([refusals().length, server.log.urgent], [1, []]);
  assert(JSON.stringify(server.log.lines).length < 5000, "the log lines are long");
});

/** What a test beside a healthy stream works with. */
interface Watch {
  readonly server: LocalServer;
  readonly clock: LeapingClock;
  readonly healthy: NumberedStream;
}

/** Defines a test beside a stream that must not be affected. */
function watchedTest(name: string, test: (watch: Watch) => Promise<void>): void {
  netTest(name, () => underWatch(test));
}

/**
 * Runs `test` beside a stream that must not be affected, and checks for leaked connections and
 * memory.
 */
async function underWatch(test: (watch: Watch) => Promise<void>): Promise<void> {
  const clock = new LeapingClock();
  await using server = startOrigin(PATIENT, clock);
  await using healthy = await NumberedStream.start(server);
  const before = Deno.memoryUsage().rss;
  await test({ server, clock, healthy });
  await healthy.untilFresh();
  await server.untilCounts({ connections: 2, players: 1, publishers: 1 });
  const growth = Deno.memoryUsage().rss - before;
  assert(growth < MAX_GROWTH_BYTES, `memory grew by ${growth} bytes`);
}

/** Sends the same bytes repeatedly until the connection is closed. */
async function flood(peer: RawPeer, bytes: Uint8Array): Promise<void> {
  while (await peer.write(bytes));
}

/** Asserts exactly one warning for each of `peers`, and no other warning or error. */
function assertWarnings(
  server: LocalServer,
  peers: readonly RawPeer[],
  message: RegExp,
): Promise<void> {
  return assertLogged(server, peers, { message });
}

/**
 * Asserts exactly one line about the end of each of `peers`, with its address, and no other warning
 * or error.
 */
async function assertLogged(
  { log }: LocalServer,
  peers: readonly RawPeer[],
  { message, level = "warning" }: Pick<Attack, "message" | "level">,
): Promise<void> {
  const isEnd = (line: LogLine) => /^Clients? (closed|refused)/.test(line.message);
  const ends = () => log.lines.filter((line) => log.urgent.includes(line) || isEnd(line));
  await until("a line for each peer", () => ends().length >= peers.length, {
    timeoutMs: 5_000,
    everyMs: 2,
  });
  assertEquals(
    ends().map(({ level, fields }) => `${level} ${fields["peer"]}`).sort(),
    peers.map(({ address }) => `${level} ${address}`).sort(),
  );
  for (const line of ends()) assertMatch(line.message, message);
}

/**
 * Returns bytes of a fixed seed (the generator of Numerical Recipes) that are not the start of an
 * RTMP handshake.
 */
function randomBytes(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}
