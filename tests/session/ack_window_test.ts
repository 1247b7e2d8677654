import { AckWindow } from "../../lib/session/ack_window.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("AckWindow.add() requests nothing before a window is known", () => {
  const window = new AckWindow();
  assertEquals(window.add(10_000_000), -1);
});

Deno.test("AckWindow.add() requests an acknowledgement every half window", () => {
  const window = new AckWindow();
  window.setWindow(1000);
  const due = [499, 1, 499, 2, 5000, 1].map((length) => window.add(length));
  assertEquals(due, [-1, 500, -1, 1001, 6001, -1]);
});

Deno.test("AckWindow.add() counts bytes received before the window was known", () => {
  const window = new AckWindow();
  window.add(700);
  window.setWindow(1000);
  assertEquals(window.add(1), 701);
});

Deno.test("AckWindow.add() counts modulo 2³²", () => {
  const window = new AckWindow();
  window.setWindow(0x8000_0000);
  const due = [0x7fff_ffff, 0x7fff_ffff, 1, 1, 0x4000_0000].map((length) => window.add(length));
  assertEquals(due, [0x7fff_ffff, 0xffff_fffe, -1, -1, 0x4000_0000]);
});

Deno.test("AckWindow.add() returns 0 when the total is a multiple of 2³²", () => {
  const window = new AckWindow();
  window.setWindow(2);
  window.add(0xffff_ffff);
  assertEquals(window.add(1), 0);
});

Deno.test("AckWindow.setWindow() keeps the smallest window", () => {
  const window = new AckWindow();
  for (const bytes of [1000, 100, 0, 1000]) window.setWindow(bytes);
  assertEquals(window.add(50), 50);
});
