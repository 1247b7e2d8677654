/** WebSockets: expected bytes from RFC 6455 and its examples. */

import type { ConnectionPipe } from "../../lib/http/http_connection.ts";
import { isSocketRequest, PeerSocket } from "../../lib/http/peer_socket.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** RFC 6455, section 1.3. */
const HEADERS = {
  connection: "keep-alive, Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

const HEAD = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/** Close with code 1000, from a client with a key of zeros and from a server. */
const CLIENT_CLOSE = hex("88 82 00000000 03e8");
const SERVER_CLOSE = hex("88 02 03e8");

const requestWith = (headers: Readonly<Record<string, string>>) =>
  new Request("http://x/live/show.flv", { headers });

class Pipe implements ConnectionPipe {
  readonly writes: Uint8Array[] = [];
  readonly calls: string[] = [];
  #gate: PromiseWithResolvers<void> | null = null;

  async write(bytes: Uint8Array): Promise<number> {
    await this.#gate?.promise;
    if (this.calls.includes("close")) throw new Error("closed");
    this.writes.push(Uint8Array.from(bytes));
    return bytes.length;
  }

  block(): void {
    this.#gate = Promise.withResolvers();
  }

  close(): void {
    this.calls.push("close");
    this.#gate?.resolve();
  }

  closeSoon(): void {
    this.calls.push("closeSoon");
  }
}

/** An open WebSocket, without the bytes of its handshake. */
async function open(): Promise<{ readonly pipe: Pipe; readonly socket: PeerSocket }> {
  const pipe = new Pipe();
  const socket = new PeerSocket(requestWith(HEADERS), pipe);
  await turns();
  pipe.writes.splice(0);
  return { pipe, socket };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("PeerSocket answers as in RFC 6455", async () => {
  const pipe = new Pipe();
  new PeerSocket(requestWith(HEADERS), pipe);
  await turns();
  assertEquals(new TextDecoder().decode(pipe.writes[0]), HEAD);
});

Deno.test("PeerSocket accepts no extension and no subprotocol", async () => {
  const pipe = new Pipe();
  const more = {
    "sec-websocket-extensions": "permessage-deflate",
    "sec-websocket-protocol": "chat",
  };
  new PeerSocket(requestWith({ ...HEADERS, ...more }), pipe);
  await turns();
  assertEquals(new TextDecoder().decode(pipe.writes[0]), HEAD);
});

for (
  const { count, header } of [
    { count: 125, header: "82 7d" },
    { count: 126, header: "82 7e 007e" },
    { count: 256, header: "82 7e 0100" },
    { count: 65_536, header: "82 7f 00000000 00010000" },
  ]
) {
  Deno.test(`PeerSocket.send() frames a message of ${count} bytes`, async () => {
    const { pipe, socket } = await open();
    const message = new Uint8Array(count).fill(7);
    assertEquals(await socket.send(message), count);
    assertEquals(pipe.writes, [new Uint8Array([...hex(header), ...message])]);
    assertEquals(message.every((byte) => byte === 7), true);
  });
}

Deno.test("PeerSocket.send() settles when the message is written", async () => {
  const { pipe, socket } = await open();
  pipe.block();
  let isSettled = false;
  void socket.send(new Uint8Array(1)).then(() => isSettled = true, () => {});
  await turns();
  assertEquals(isSettled, false);
});

Deno.test("PeerSocket answers a ping with its payload, and ignores messages and pongs", async () => {
  const { pipe, socket } = await open();
  socket.onBytes(hex("81 85 37fa213d 7f9f4d5158")); // "Hello", RFC 6455 §5.7
  socket.onBytes(hex("8a 80 37fa213d"));
  socket.onBytes(hex("89 85 37fa213d 7f9f"));
  socket.onBytes(hex("4d5158"));
  await turns();
  assertEquals(pipe.writes, [hex("8a 05 48656c6c6f")]);
  assertEquals(pipe.calls, []);
});

Deno.test("PeerSocket answers a close frame and closes", async () => {
  const { pipe, socket } = await open();
  socket.onBytes(CLIENT_CLOSE);
  await turns();
  assertEquals([pipe.writes, pipe.calls], [[SERVER_CLOSE], ["close"]]);
  await assertRejects(() => socket.send(new Uint8Array(1)), Error, "closed the WebSocket");
});

Deno.test("PeerSocket.close() sends what is queued, then a close frame, and waits for the client", async () => {
  const { pipe, socket } = await open();
  void socket.send(hex("01"));
  socket.close();
  socket.close();
  await turns();
  assertEquals(pipe.writes.flatMap((bytes) => [...bytes]), [...hex("82 01 01"), ...SERVER_CLOSE]);
  assertEquals(pipe.calls, ["closeSoon"]);
  socket.onBytes(CLIENT_CLOSE);
  await turns();
  assertEquals(pipe.calls, ["closeSoon", "close"]);
});

for (
  const { what, bytes } of [
    { what: "an unmasked frame", bytes: "81 05 48656c6c6f" },
    { what: "a reserved bit", bytes: "c1 80 00000000" },
    { what: "an unknown opcode", bytes: "83 80 00000000" },
    { what: "a message beyond 4 KiB", bytes: "82 fe 1001 00000000" },
    { what: "a ping beyond 125 bytes", bytes: "89 fe 007e 00000000" },
  ]
) {
  Deno.test(`PeerSocket closes a client that sends ${what}`, async () => {
    const { pipe, socket } = await open();
    socket.onBytes(hex(bytes));
    await turns();
    assertEquals(pipe.writes[0]?.[0], 0x88);
    assertEquals(pipe.calls, ["close"]);
  });
}

Deno.test("PeerSocket closes a client that keeps sending pings but reads no answer", async () => {
  const { pipe, socket } = await open();
  pipe.block();
  const ping = hex(`89 fd 00000000 ${"00".repeat(125)}`);
  for (let sent = 0; sent <= 64 * 1024; sent += ping.length) socket.onBytes(ping);
  await turns();
  assertEquals(pipe.calls[0], "close");
});

Deno.test("PeerSocket.send() rejects when the connection breaks", async () => {
  const { pipe, socket } = await open();
  pipe.block();
  const rejection = assertRejects(() => socket.send(new Uint8Array(1)), Error, "closed");
  pipe.close();
  await rejection;
});

Deno.test("isSocketRequest() requires all headers of RFC 6455", () => {
  assertEquals(isSocketRequest(requestWith(HEADERS)), true);
  for (const name of Object.keys(HEADERS)) {
    const { [name as keyof typeof HEADERS]: _, ...rest } = HEADERS;
    assertEquals(isSocketRequest(requestWith(rest)), false, name);
  }
  for (
    const other of [
      { "sec-websocket-version": "8" },
      { "sec-websocket-key": "short" },
      { connection: "close" },
      { upgrade: "h2c" },
    ]
  ) {
    assertEquals(isSocketRequest(requestWith({ ...HEADERS, ...other })), false);
  }
  const post = new Request("http://x/", { method: "POST", headers: HEADERS });
  assertEquals(isSocketRequest(post), false);
});
