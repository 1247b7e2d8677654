/** Outlets before and after their connection is handed over. */

import { ChunkedBody, PlainBody, WebSocketOutlet } from "../../lib/http/flv_outlet.ts";
import type { ConnectionPipe } from "../../lib/http/http_connection.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { hex } from "../helpers/hex.ts";

class Pipe implements ConnectionPipe {
  readonly writes: Uint8Array[] = [];
  maxWriteBytes = Infinity;
  closes = 0;

  /** Everything but the head of a WebSocket. */
  get bytesBehindHead(): Uint8Array {
    const isHead = (bytes: Uint8Array) => bytes[0] === "H".charCodeAt(0);
    return concatBytes(this.writes.filter((bytes) => !isHead(bytes)));
  }

  write(bytes: Uint8Array): Promise<number> {
    this.writes.push(bytes);
    return Promise.resolve(Math.min(bytes.length, this.maxWriteBytes));
  }

  close(): void {
    this.closes++;
  }

  closeSoon(): void {
    this.closes++;
  }
}

const SOCKET_REQUEST = new Request("http://x/live/show.flv", {
  headers: {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  },
});

/** 01 02 and 03 as two chunks. */
const CHUNKS = hex(`
  3030303030303032 0d0a 0102 0d0a
  3030303030303031 0d0a 03 0d0a
`);

const OUTLETS = [
  { name: "ChunkedBody", create: () => new ChunkedBody(), sent: CHUNKS, end: hex("30 0d0a 0d0a") },
  { name: "PlainBody", create: () => new PlainBody(), sent: hex("010203"), end: hex("") },
  {
    name: "WebSocketOutlet",
    create: () => new WebSocketOutlet(SOCKET_REQUEST),
    sent: hex("82 03 010203"),
    end: hex("88 02 03e8"),
  },
] as const;

for (const { name, create, sent, end } of OUTLETS) {
  Deno.test(`${name}.write() waits until the connection is handed over`, async () => {
    const [outlet, pipe, clock] = [create(), new Pipe(), new FakeClock()];
    let count = 0;
    void outlet.write(CHUNKS).then((written) => count = written);
    await clock.settle();
    assertEquals([count, pipe.writes], [0, []]);
    outlet.onOpen(pipe);
    await clock.settle();
    assertEquals([count, pipe.bytesBehindHead], [CHUNKS.length, sent]);
  });

  Deno.test(`${name}.end() marks the end and closes once`, async () => {
    const [outlet, pipe, clock] = [create(), new Pipe(), new FakeClock()];
    outlet.onOpen(pipe);
    await outlet.write(CHUNKS);
    outlet.end();
    outlet.close();
    outlet.end();
    await clock.settle();
    assertEquals(pipe.bytesBehindHead, new Uint8Array([...sent, ...end]));
    assertEquals(pipe.closes > 0, true);
  });

  Deno.test(`${name}.close() and end() close a connection that comes later, too`, async () => {
    const outlets = [create(), create()];
    outlets[0]!.close();
    outlets[1]!.end();
    const pipes = outlets.map((outlet) => {
      const pipe = new Pipe();
      outlet.onOpen(pipe);
      return pipe;
    });
    await new FakeClock().settle();
    assertEquals(pipes.map(({ closes }) => closes > 0), [true, true]);
  });
}

Deno.test("ChunkedBody passes bytes on without a copy, also the rest of a short write", async () => {
  const [body, pipe] = [new ChunkedBody(), new Pipe()];
  pipe.maxWriteBytes = 5;
  body.onOpen(pipe);
  assertEquals(await body.write(CHUNKS), 5);
  assertEquals(pipe.writes[0] === CHUNKS, true);
});

Deno.test("PlainBody writes until everything is taken", async () => {
  const [body, pipe] = [new PlainBody(), new Pipe()];
  pipe.maxWriteBytes = 2;
  body.onOpen(pipe);
  assertEquals(await body.write(CHUNKS), CHUNKS.length);
  assertEquals(pipe.writes.map(({ length }) => length), [3, 1]);
});

Deno.test("ChunkedBody.close() cuts the body without a last chunk", async () => {
  const [body, pipe] = [new ChunkedBody(), new Pipe()];
  body.onOpen(pipe);
  await body.write(CHUNKS);
  body.close();
  assertEquals([pipe.bytesBehindHead, pipe.closes], [CHUNKS, 1]);
});
