/** The log of a stream: its bytes, its slabs, and its views for cursors. */

import fc from "fast-check";
import { StreamLog } from "../../lib/hub/stream_log.ts";
import { encodedMessageBytes } from "../../lib/rtmp/chunk_encode.ts";
import { assert, assertEquals, assertNotEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { readMessages } from "../helpers/read_messages.ts";

const CHUNK_SIZE = 60_000;
const KIB = 1024;

/** Message header of an audio message. */
function audioAt(timestampMs: number) {
  return { csid: 4, typeId: 8, msid: 1, timestampMs };
}

/** A log of messages with these payload lengths, and their offsets. */
function fill(lengths: readonly number[], stepMs = 10): { log: StreamLog; offsets: number[] } {
  const log = new StreamLog(CHUNK_SIZE);
  const offsets = lengths.map((length, index) => {
    const offset = log.head;
    log.append(audioAt(index * stepMs), new Uint8Array(length).fill(index));
    return offset;
  });
  return { log, offsets };
}

/** Payload length of a message that takes `kib` KiB in the log. */
function lengthFor(kib: number): number {
  let length = kib * KIB - 12;
  while (encodedMessageBytes(length, 0, CHUNK_SIZE) > kib * KIB) length--;
  return length;
}

const BYTES: readonly {
  readonly name: string;
  readonly csid: number;
  readonly typeId: number;
  readonly msid: number;
  readonly timestampMs: number;
  readonly payload: string;
  readonly bytes: string;
}[] = [
  {
    name: "a short message",
    csid: 4,
    typeId: 8,
    msid: 1,
    timestampMs: 0x010203,
    payload: "af 01 aa",
    bytes: "04  01 02 03  00 00 03  08  01 00 00 00  af 01 aa",
  },
  {
    name: "a message of exactly one chunk",
    csid: 4,
    typeId: 8,
    msid: 1,
    timestampMs: 0,
    payload: "01 02 03 04",
    bytes: "04  00 00 00  00 00 04  08  01 00 00 00  01 02 03 04",
  },
  {
    name: "a message of three chunks",
    csid: 6,
    typeId: 9,
    msid: 1,
    timestampMs: 0xfffffe,
    payload: "01 02 03 04 05 06 07 08 09",
    bytes: `06  ff ff fe  00 00 09  09  01 00 00 00  01 02 03 04
            c6  05 06 07 08
            c6  09`,
  },
  {
    name: "a message with an extended timestamp in every chunk",
    csid: 6,
    typeId: 9,
    msid: 1,
    timestampMs: 0xffffff,
    payload: "01 02 03 04 05",
    bytes: `06  ff ff ff  00 00 05  09  01 00 00 00  00 ff ff ff  01 02 03 04
            c6  00 ff ff ff  05`,
  },
  {
    name: "an empty message",
    csid: 2,
    typeId: 4,
    msid: 0,
    timestampMs: 5,
    payload: "",
    bytes: "02  00 00 05  00 00 00  04  00 00 00 00",
  },
];

for (const { name, payload, bytes, ...header } of BYTES) {
  Deno.test(`StreamLog.append() writes ${name}`, () => {
    const log = new StreamLog(4);
    log.append(header, hex(payload));
    assertEquals(log.view(0), hex(bytes));
    assertEquals(log.head, hex(bytes).length);
  });
}

Deno.test("StreamLog.append() copies the payload, whose memory the caller reuses", () => {
  const log = new StreamLog(CHUNK_SIZE);
  const payload = hex("01 02 03");
  log.append(audioAt(0), payload);
  payload.fill(0xee);
  assertEquals(log.view(0).subarray(12), hex("01 02 03"));
});

Deno.test("StreamLog.view() ends at a message boundary for any lengths", () => {
  const length = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 200_000 }));
  const stepMs = fc.constantFrom(0, 1, 10, 100, 1_000);
  fc.assert(
    fc.property(fc.array(length, { minLength: 1, maxLength: 40 }), stepMs, (lengths, stepMs) => {
      const { log, offsets } = fill(lengths, stepMs);
      const found: number[] = [];
      for (let cursor = 0; cursor < log.head;) {
        const view = log.view(cursor);
        found.push(...readMessages(view, CHUNK_SIZE).map(({ payload }) => payload.length));
        cursor += view.length;
      }
      assertEquals(found, lengths);
      // A view from the offset of a message starts with that message.
      for (const [index, offset] of offsets.entries()) {
        const [first] = readMessages(log.view(offset), CHUNK_SIZE);
        assertEquals(first!.payload, new Uint8Array(lengths[index]!).fill(index));
      }
    }),
    { numRuns: 40 },
  );
});

Deno.test("StreamLog.view() reaches the head in one piece from half a second behind it", () => {
  const log = new StreamLog(CHUNK_SIZE);
  const offsets: number[] = [];
  let slabs = 0;
  // 1 Mbit/s at 25 messages a second.
  for (let index = 0; index < 1_000; index++) {
    offsets.push(log.head);
    if (log.append(audioAt(index * 40), new Uint8Array(5_000).fill(index))) slabs++;
    const cursor = offsets.at(-13) ?? 0;
    const view = log.view(cursor);
    assertEquals(cursor + view.length, log.head, `after message ${index}`);
    assertEquals(view[12], Math.max(0, index - 12) % 256);
  }
  assert(slabs > 10, `only ${slabs} slabs`);
});

Deno.test("StreamLog.view() continues where an earlier view of the same slab ended", () => {
  const { log } = fill([10]);
  const first = log.view(0);
  log.append(audioAt(10), hex("01"));
  assertEquals(log.view(first.length), hex("04 00000a 000001 08 01000000 01"));
});

Deno.test("StreamLog.view() stays unchanged while the log grows and drops it", () => {
  const { log } = fill([100, 100]);
  const view = log.view(0);
  const copy = view.slice();
  for (let i = 0; i < 200; i++) {
    log.append(audioAt(i), new Uint8Array(10_000).fill(0xee));
    log.dropBefore(log.head);
  }
  assertEquals(view, copy);
});

Deno.test("StreamLog.view() returns the same view for equal cursors", () => {
  const { log, offsets: [, second] } = fill([10, 10]);
  const view = log.view(second!);
  assert(log.view(second!) === view, "another object");
  log.append(audioAt(20), hex("01"));
  assertEquals(log.view(second!).length, view.length + 13);
  assertEquals(log.view(0).length, log.head);
});

Deno.test("StreamLog.view() is empty for bytes that were dropped since the last view", () => {
  const { log } = fill([lengthFor(64), 10], 0);
  assertEquals(log.view(0).length, 64 * KIB);
  log.dropBefore(64 * KIB);
  assertEquals(log.view(0).length, 0);
});

Deno.test("StreamLog.view() is empty at the head, past it and before the tail", () => {
  const { log } = fill([lengthFor(64), lengthFor(128), 10], 0);
  log.dropBefore(64 * KIB);
  assertEquals(log.tail, 64 * KIB);
  for (const cursor of [log.head, log.head + 1, 0, log.tail - 1, -1]) {
    assertEquals(log.view(cursor).length, 0, `at ${cursor}`);
    assertEquals(log.lagMs(cursor), 0, `at ${cursor}`);
  }
  assertEquals(log.view(log.tail).length, 128 * KIB);
});

Deno.test("StreamLog.append() doubles slabs in a burst up to 1 MiB and reports each new one", () => {
  const log = new StreamLog(CHUNK_SIZE);
  const held: number[] = [];
  while (held.length < 7) {
    if (log.append(audioAt(0), new Uint8Array(lengthFor(16)))) held.push(log.heldBytes / KIB);
  }
  assertEquals(held, [64, 192, 448, 960, 1984, 3008, 4032]);
});

/** Size of the slabs of a stream after ten minutes, in bytes. */
function slabBytesAt(bytesPerSecond: number): number {
  const log = new StreamLog(CHUNK_SIZE);
  let slabBytes = 0;
  for (let timeMs = 0; timeMs < 600_000; timeMs += 100) {
    const heldBytes = log.heldBytes;
    if (log.append(audioAt(timeMs), new Uint8Array(bytesPerSecond / 10))) {
      slabBytes = log.heldBytes - heldBytes;
    }
  }
  return slabBytes;
}

for (
  const [kbps, slabKib] of [[10, 16], [100, 64], [400, 128], [1_000, 256], [6_000, 1_024]] as const
) {
  Deno.test(`StreamLog.append() makes slabs of ${slabKib} KiB for ${kbps} kbit/s`, () => {
    assertEquals(slabBytesAt(kbps * 125) / KIB, slabKib);
  });
}

Deno.test("A log with few viewers takes 160 KiB more than what is needed of it", () => {
  const log = new StreamLog(CHUNK_SIZE);
  log.viewerCount = 0;
  let mostKib = 0;
  // 1 Mbit/s at 25 messages a second, of which 5 s are needed.
  for (let index = 0; index < 1_000; index++) {
    if (log.append(audioAt(index * 40), new Uint8Array(5_000))) log.dropBefore(log.head - 625_000);
    mostKib = Math.max(mostKib, (log.heldBytes - Math.min(log.head, 625_000)) / KIB);
  }
  assert(mostKib < 160, `${mostKib} KiB`);
});

Deno.test("StreamLog.view() stays unchanged while logs reuse what no viewer has seen", () => {
  const log = new StreamLog(CHUNK_SIZE);
  log.viewerCount = 0;
  const other = new StreamLog(CHUNK_SIZE);
  other.viewerCount = 0;
  log.append(audioAt(0), new Uint8Array(1_000).fill(1));
  const view = log.view(0);
  const copy = view.slice();
  for (let i = 0; i < 2_000; i++) {
    for (const each of [log, other]) {
      if (each.append(audioAt(i * 40), new Uint8Array(1_000).fill(0xee))) {
        each.dropBefore(each.head);
      }
    }
  }
  assertEquals(view, copy);
});

Deno.test("A log does not change what it has lent, and fills it again once it is given back", () => {
  const log = new StreamLog(CHUNK_SIZE);
  log.viewerCount = 0;
  log.append(audioAt(0), new Uint8Array(1_000).fill(1));
  const loans = [log.lend(0)!, log.lend(0)!];
  const view = log.lentView(0);
  const copy = view.slice();
  const fill = (count: number) => {
    for (let i = 0; i < count; i++) {
      if (log.append(audioAt(i * 40), new Uint8Array(1_000).fill(0xee))) log.dropBefore(log.head);
    }
  };
  fill(2_000);
  assertEquals(log.lend(0), null);
  assertEquals(view, copy);
  loans[0]!.giveBack();
  fill(2_000);
  assertEquals(view, copy);
  loans[1]!.giveBack();
  // The slab has the size of the first: another log asks for it.
  const other = new StreamLog(CHUNK_SIZE);
  other.viewerCount = 0;
  other.append(audioAt(0), new Uint8Array(1_000).fill(0xdd));
  assertNotEquals(view, copy);
});

Deno.test("StreamLog.append() makes a slab for a message that is longer than one", () => {
  const log = new StreamLog(CHUNK_SIZE);
  log.append(audioAt(0), new Uint8Array(10));
  assert(log.append(audioAt(10), new Uint8Array(3_000_000).fill(7)));
  assert(log.append(audioAt(20), new Uint8Array(10)));
  const [message] = readMessages(log.view(22), CHUNK_SIZE);
  assertEquals(message!.payload, new Uint8Array(3_000_000).fill(7));
});

Deno.test("StreamLog.append() starts no slab for a message that just fits", () => {
  const log = new StreamLog(CHUNK_SIZE);
  assert(log.append(audioAt(0), new Uint8Array(lengthFor(32))));
  assert(!log.append(audioAt(0), new Uint8Array(lengthFor(32))));
  assert(log.append(audioAt(0), new Uint8Array(0)));
});

const DROPS: readonly (readonly [name: string, offset: number, tail: number])[] = [
  ["before all bytes", 0, 0],
  ["within the first slab", 64 * KIB - 1, 0],
  ["at the end of the first slab", 64 * KIB, 64 * KIB],
  ["within the second slab", 64 * KIB + 1, 64 * KIB],
  ["at the head", 448 * KIB, 192 * KIB],
];

for (const [name, offset, tail] of DROPS) {
  Deno.test(`StreamLog.dropBefore() drops whole slabs for an offset ${name}`, () => {
    const { log } = fill([lengthFor(64), lengthFor(128), lengthFor(256)]);
    log.dropBefore(offset);
    assertEquals(log.tail, tail);
    assertEquals(log.head, 448 * KIB);
  });
}

Deno.test("StreamLog.dropBefore() keeps the newest slab", () => {
  const { log } = fill([10]);
  let slabs = 1;
  for (let i = 0; i < 100; i++) {
    if (log.append(audioAt(0), new Uint8Array(10))) slabs++;
    log.dropBefore(log.head);
  }
  assertEquals(slabs, 1);
  assertEquals(log.heldBytes, 64 * KIB);
});

const LAGS: readonly {
  readonly name: string;
  readonly times: readonly number[];
  readonly lags: readonly number[];
}[] = [
  { name: "within one slab", times: [0, 1000, 60_000, 60_350], lags: [60_350, 59_350, 350, 0] },
  { name: "with extended timestamps", times: [0xfffffe, 0xffffff, 0x1000005], lags: [7, 6, 0] },
  { name: "across the wrap of the clock", times: [0xfffffff0, 0xffffffff, 10], lags: [26, 11, 0] },
  { name: "when the newest message steps back", times: [100, 500, 300], lags: [200, 0, 0] },
];

for (const { name, times, lags } of LAGS) {
  Deno.test(`StreamLog.lagMs() counts from the message at the cursor ${name}`, () => {
    const log = new StreamLog(CHUNK_SIZE);
    const offsets = times.map((timestampMs) => {
      const offset = log.head;
      log.append(audioAt(timestampMs), new Uint8Array(5));
      return offset;
    });
    assertEquals(offsets.map((offset) => log.lagMs(offset)), lags);
  });
}

Deno.test("StreamLog.lagMs() skips metadata, which has no time", () => {
  const log = new StreamLog(CHUNK_SIZE);
  const metadata = { csid: 5, typeId: 18, msid: 1, timestampMs: 0 };
  log.append(audioAt(50_000), new Uint8Array(5));
  const first = log.head;
  log.append(metadata, new Uint8Array(70_000));
  log.append(metadata, new Uint8Array(0));
  log.append(audioAt(50_020), new Uint8Array(5));
  log.append(audioAt(50_100), new Uint8Array(5));
  const last = log.head;
  log.append(metadata, new Uint8Array(20));
  assertEquals(log.lagMs(0), 100);
  assertEquals(log.lagMs(first), 80);
  assertEquals(log.lagMs(last), 0);
});
