import { concatBytes } from "../../../lib/base/bytes.ts";
import { encodeCommand } from "../../../lib/rtmp/commands.ts";
import { statusCommand } from "../../../lib/rtmp/status.ts";
import { ServerSession } from "../../../lib/session/server_session.ts";
import { hex } from "../../helpers/hex.ts";
import { AMF_NULL, amfString } from "../../helpers/raw_peer.ts";
import {
  ask,
  askPlay,
  type Attacks,
  type AttackTarget,
  client,
  crowd,
  EDGE_HOST,
  HOSTILE_HOST,
  pause,
  repeat,
  say,
} from "./attack.ts";

const CHUNK_SIZE = 60_000;

let count = 0;

/** A name that is asked for once. */
function nextName(): string {
  return `x${count++}_${Deno.pid}`;
}

/** What clients of an edge may do, and what its origins may. */
export const EDGE_ATTACKS: Attacks = {
  "names that one client plays and leaves": ({ rtmp }) =>
    crowd(2, async () => {
      const peer = await client(rtmp, EDGE_HOST);
      while (!peer.isEnded) {
        await peer.write(askPlay(nextName()), ask("closeStream", 0, AMF_NULL));
        await pause(2);
      }
      await peer.close();
    }),
  "players of names that were never live": ({ rtmp }) =>
    crowd(100, async () => {
      const peer = await client(rtmp, EDGE_HOST);
      await peer.write(askPlay(nextName()));
      await pause(50);
      await peer.close();
    }),
  "long parameters": ({ rtmp }) =>
    crowd(10, async () => {
      const peer = await client(rtmp, EDGE_HOST);
      await peer.write(askPlay(`${nextName()}?t=${"A".repeat(60_000)}`));
      await pause(200);
      await peer.close();
    }),
  "other parameters for a live stream": ({ rtmp }) =>
    crowd(20, async () => {
      const peer = await client(rtmp, EDGE_HOST);
      await peer.write(askPlay(`pulled0?token=${nextName()}`));
      await pause(50);
      await peer.close();
    }),
  "publishers that no one needs": ({ rtmp }) =>
    crowd(20, async () => {
      const peer = await client(rtmp, EDGE_HOST);
      await peer.write(
        concatBytes([
          ask("createStream", 2, AMF_NULL),
          ask("publish", 0, AMF_NULL, amfString(nextName())),
        ]),
      );
      await pause(50);
      await peer.close();
    }),
  "an origin that sends empty messages": hostileOrigin(
    new Uint8Array(262_144).fill(0xC5),
    hex("05 000000 000000 08 01000000"),
  ),
  "an origin that sends tiny keyframes": hostileOrigin(
    repeat(say(9, hex("17 01 000000 00")), 20_000),
  ),
  "an origin that pings and does not read": hostileOrigin(
    repeat(hex("02 000000 000006 04 00000000 0006 00000001"), 10_000),
  ),
  "an origin that ends the stream without end": hostileOrigin(
    repeat(statusOf("NetStream.Play.UnpublishNotify"), 500),
  ),
  "an origin that sends aggregates": hostileOrigin(
    say(22, repeat(hex("08 000001 000000 00 000000 AF 0000000C"), 400_000)),
  ),
  "an origin that sends long headers": hostileOrigin(
    repeat(say(9, concatBytes([hex("17 00 000000"), new Uint8Array(200_000)])), 3),
  ),
  "an origin that redirects in a circle": (target) =>
    hostileOrigin(redirectTo(target.hostile))(target),
  "an origin with long statuses": hostileOrigin(statusOf("C".repeat(60_000))),
};

function statusOf(code: string): Uint8Array {
  const command = statusCommand({ level: "error", code, description: "" });
  return encodeCommand(command, { msid: 1, chunkSize: CHUNK_SIZE });
}

/** RTMP 302 as SRS sends it. */
function redirectTo(port: number): Uint8Array {
  const url = amfString(`rtmp://127.0.0.1:${port}/live`);
  const ex = concatBytes([
    hex("03 0004 636F6465 00 4072E00000000000"), // code 302
    ...[hex("0008 7265646972656374"), url], // redirect
    hex("000009"),
  ]);
  const info = concatBytes([
    ...[hex("03 0005 6C6576656C"), amfString("error")],
    ...[hex("0004 636F6465"), amfString("NetConnection.Connect.Rejected")],
    ...[hex("0002 6578"), ex],
    hex("000009"),
  ]);
  return ask("onStatus", 0, AMF_NULL, info);
}

/** Ten players, whose origin accepts the play, then sends `block` without end. */
function hostileOrigin(block: Uint8Array, first = block): Attacks[string] {
  return async ({ rtmp, hostile }: AttackTarget) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: hostile });
    void accept(listener, (conn) => serve(conn, first, block).catch(() => {}));
    await crowd(10, async (index) => {
      const player = await client(rtmp, HOSTILE_HOST);
      await player.write(askPlay(`show${index % 2}`));
      await player.untilEnded();
      await player.close();
    });
  };
}

async function accept(listener: Deno.TcpListener, serve: (conn: Deno.TcpConn) => void) {
  for await (const conn of listener) serve(conn);
}

async function serve(conn: Deno.TcpConn, first: Uint8Array, block: Uint8Array): Promise<void> {
  const outbox: Uint8Array[] = [];
  let isAccepted = false;
  const session = new ServerSession({
    send: (bytes) => outbox.push(bytes),
    onConnect: ({ id }) => session.acceptConnect(id, { outAckSizeBytes: 0, inAckSizeBytes: 0 }),
    onPlay: ({ id }) => {
      session.acceptPlay(id);
      isAccepted = true;
    },
    onPublish() {},
    onMedia() {},
    onStreamClosed() {},
    onPause() {},
    onReceive() {},
    onRefused() {},
    onIgnored() {},
    onPong() {},
    onAcknowledgement() {},
  }, {
    chunkSize: CHUNK_SIZE,
    handshake: { random: (length) => new Uint8Array(length), nowMs: 0 },
  });
  const buffer = new Uint8Array(65_536);
  while (!isAccepted) {
    const length = await conn.read(buffer);
    if (length === null) return conn.close();
    let rest = buffer.slice(0, length);
    while (rest.length > 0) rest = rest.subarray(session.pushPart(rest));
    for (const bytes of outbox.splice(0)) await writeAll(conn, bytes);
  }
  await writeAll(conn, hex("02 000000 000004 01 00000000 00FFFFFF"));
  await writeAll(conn, first);
  while (true) await writeAll(conn, block);
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
