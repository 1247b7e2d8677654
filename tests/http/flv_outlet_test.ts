/** When a write to a viewer over HTTP or WebSocket has settled. */

import { ResponseBody, WebSocketOutlet } from "../../lib/http/flv_outlet.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** As much as a socket of a test is to hold back. */
const MUCH = 300 * 1024;

/** A WebSocket without a network: it keeps what it is given until a test lets it go. */
class FakeSocket {
  readyState: number = WebSocket.CONNECTING;
  bufferedAmount = 0;
  readonly sizes: number[] = [];
  readonly closeCodes: (number | undefined)[] = [];
  onopen = () => {};
  onclose = () => {};
  onerror = () => {};

  send(bytes: Uint8Array): void {
    if (this.readyState !== WebSocket.OPEN) throw new Error("send before open");
    this.sizes.push(bytes.length);
    this.bufferedAmount += bytes.length;
  }

  close(code?: number): void {
    this.readyState = WebSocket.CLOSING;
    this.closeCodes.push(code);
  }

  open(): void {
    this.readyState = WebSocket.OPEN;
    this.onopen();
  }

  end(): void {
    this.readyState = WebSocket.CLOSED;
    this.onclose();
  }
}

class Rig {
  readonly clock = new FakeClock();
  readonly socket = new FakeSocket();
  closes = 0;
  readonly outlet = new WebSocketOutlet(
    this.socket as unknown as WebSocket,
    this.clock,
    () => this.closes++,
  );
}

/** A promise, and whether it has settled. */
function observe(promise: Promise<number>): { isSettled: boolean } {
  const state = { isSettled: false };
  void promise.then(() => state.isSettled = true);
  return state;
}

Deno.test("ResponseBody.write() settles when the next piece is asked for", async () => {
  const body = new ResponseBody(() => {});
  const reader = body.readable.getReader();
  const write = observe(body.write(new Uint8Array([1, 2])));
  assertEquals((await reader.read()).value, new Uint8Array([1, 2]));
  assertEquals(write.isSettled, false);
  const next = reader.read();
  await new FakeClock().settle();
  assertEquals(write.isSettled, true);
  body.close();
  assertEquals((await next).done, true);
});

Deno.test("ResponseBody.write() settles at once when the next piece is asked for already", async () => {
  const body = new ResponseBody(() => {});
  const reader = body.readable.getReader();
  const first = reader.read();
  void reader.read();
  assertEquals(await body.write(new Uint8Array([1, 2])), 2);
  assertEquals((await first).value?.length, 2);
});

Deno.test("ResponseBody passes the bytes on without a copy", async () => {
  const body = new ResponseBody(() => {});
  const bytes = new Uint8Array([1, 2]);
  void body.write(bytes);
  const { value } = await body.readable.getReader().read();
  assertEquals(value === bytes && bytes.length === 2, true);
});

Deno.test("ResponseBody.close() lets what was written out first", async () => {
  const body = new ResponseBody(() => {});
  void body.write(new Uint8Array([1]));
  body.close();
  body.close();
  const reader = body.readable.getReader();
  assertEquals([(await reader.read()).value?.length, (await reader.read()).done], [1, true]);
});

Deno.test("ResponseBody.write() rejects when the client has gone, before and after", async () => {
  let cancels = 0;
  const body = new ResponseBody(() => cancels++);
  const write = body.write(new Uint8Array([1]));
  const rejection = assertRejects(() => write, Error, "The viewer has gone");
  await body.readable.cancel();
  await rejection;
  assertEquals(cancels, 1);
  await assertRejects(() => body.write(new Uint8Array([1])), Error, "The viewer has gone");
  body.close();
});

Deno.test("WebSocketOutlet.write() waits until the WebSocket is open", async () => {
  const { outlet, socket, clock } = new Rig();
  const write = observe(outlet.write(new Uint8Array(10)));
  await clock.settle();
  assertEquals([write.isSettled, socket.sizes], [false, []]);
  socket.open();
  await clock.settle();
  assertEquals([write.isSettled, socket.sizes], [true, [10]]);
});

Deno.test("WebSocketOutlet.write() settles at once as long as little is held back", async () => {
  const { outlet, socket, clock } = new Rig();
  socket.open();
  const write = observe(outlet.write(new Uint8Array(1_000)));
  await clock.settle();
  assertEquals([write.isSettled, clock.pendingCount], [true, 0]);
});

Deno.test("WebSocketOutlet.write() waits while much is held back", async () => {
  const { outlet, socket, clock } = new Rig();
  socket.open();
  const write = observe(outlet.write(new Uint8Array(MUCH)));
  await clock.advance(10_000);
  assertEquals(write.isSettled, false);
  socket.bufferedAmount = 0;
  await clock.advance(20);
  assertEquals([write.isSettled, clock.pendingCount], [true, 0]);
});

Deno.test("WebSocketOutlet.write() makes no message longer than 64 KiB", () => {
  const { outlet, socket } = new Rig();
  socket.open();
  void outlet.write(new Uint8Array(150_000));
  assertEquals(socket.sizes, [65_536, 65_536, 18_928]);
});

Deno.test("WebSocketOutlet.write() rejects when the WebSocket closes", async () => {
  const rig = new Rig();
  rig.socket.open();
  const write = rig.outlet.write(new Uint8Array(MUCH));
  const rejection = assertRejects(() => write, Error, "The viewer has gone");
  rig.socket.end();
  await rejection;
  assertEquals([rig.closes, rig.clock.pendingCount], [1, 0]);
  await assertRejects(() => rig.outlet.write(new Uint8Array(1)), Error, "The viewer has gone");
});

Deno.test("WebSocketOutlet.close() closes once, with the code for a regular end", () => {
  const { outlet, socket, clock } = new Rig();
  socket.open();
  void outlet.write(new Uint8Array(MUCH));
  outlet.close();
  outlet.close();
  assertEquals([socket.closeCodes, clock.pendingCount], [[1_000], 0]);
});
