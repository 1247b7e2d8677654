import { TsStreamType, type TsTracks } from "../../lib/hls/ts_tables.ts";
import { type TsUnit, TsWriter } from "../../lib/hls/ts_writer.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const AV: TsTracks = { video: TsStreamType.avc, audio: TsStreamType.aac };
const AUDIO_ONLY: TsTracks = { video: null, audio: TsStreamType.aac };

function unit(part: Partial<TsUnit> & { decodeMs: number }): TsUnit {
  const data = new Uint8Array(300).fill(0x11);
  return { isVideo: true, isKey: false, presentMs: part.decodeMs, data, ...part };
}

function segment(
  writer: TsWriter,
  tracks: TsTracks,
  units: readonly TsUnit[],
  isDiscontinuity = false,
): TsPacket[] {
  writer.begin(tracks, isDiscontinuity);
  for (const each of units) writer.write(each);
  return readPackets(writer.end());
}

/** A packet as ISO/IEC 13818-1 §2.4.3 lays it out. */
interface TsPacket {
  readonly pid: number;
  readonly begins: boolean;
  readonly counter: number;
  readonly isRandomAccess: boolean;
  /** In units of 90 kHz. */
  readonly pcr: number | null;
  readonly payload: Uint8Array;
}

function readPackets(bytes: Uint8Array): TsPacket[] {
  assertEquals(bytes.length % 188, 0);
  const packets: TsPacket[] = [];
  for (let at = 0; at < bytes.length; at += 188) {
    packets.push(readPacket(bytes.subarray(at, at + 188)));
  }
  return packets;
}

function readPacket(packet: Uint8Array): TsPacket {
  assertEquals(packet[0], 0x47);
  const fieldBytes = packet[3]! & 0x20 ? packet[4]! + 1 : 0;
  const flags = fieldBytes > 1 ? packet[5]! : 0;
  const view = new DataView(packet.buffer, packet.byteOffset);
  return {
    pid: view.getUint16(1) & 0x1fff,
    begins: (packet[1]! & 0x40) !== 0,
    counter: packet[3]! & 15,
    isRandomAccess: (flags & 0x40) !== 0,
    pcr: flags & 0x10 ? view.getUint32(6) * 2 + (packet[10]! >>> 7) : null,
    payload: packet[3]! & 0x10 ? packet.subarray(4 + fieldBytes) : new Uint8Array(0),
  };
}

Deno.test("TsWriter begins a segment with the tables that ffmpeg writes for H.264 and AAC", () => {
  const [pat, pmt] = segment(new TsWriter(), AV, []);
  assertEquals([pat!.pid, pat!.begins, pat!.counter], [0, true, 0]);
  assertEquals(pat!.payload.subarray(0, 17), hex("00 00b00d0001c100000001f0002ab104b2"));
  assert(pat!.payload.subarray(17).every((byte) => byte === 0xff));
  assertEquals([pmt!.pid, pmt!.begins, pmt!.counter], [4096, true, 0]);
  const map = "00 02b0170001c10000e100f0001be100f0000fe101f0002f44b99b";
  assertEquals(pmt!.payload.subarray(0, 27), hex(map));
});

Deno.test("TsWriter names the audio's packets as the clock's where there is no video", () => {
  const pmt = segment(new TsWriter(), AUDIO_ONLY, [])[1]!;
  // PCR_PID 257, one stream.
  assertEquals(pmt.payload.subarray(9, 18), hex("e101 f000 0f e101 f000"));
});

Deno.test("TsWriter registers AC-3 and E-AC-3 by name", () => {
  const descriptors = [TsStreamType.ac3, TsStreamType.eac3].map((audio) =>
    segment(new TsWriter(), { video: null, audio }, [])[1]!.payload.subarray(13, 24)
  );
  assertEquals(descriptors, [
    hex("81 e101 f006 0504 41432d33"),
    hex("87 e101 f006 0504 45414333"),
  ]);
});

Deno.test("TsWriter writes decoding time, presentation time and clock of a video frame", () => {
  // 0x1_2345_6789 at 90 kHz: bit 32, then 30…32, 15…29, 0…14.
  const decodeMs = 0x123456789 / 90;
  const frame = unit({ decodeMs, presentMs: decodeMs + 40, isKey: true });
  const first = segment(new TsWriter(), AV, [frame])[2]!;
  assertEquals([first.pid, first.begins, first.isRandomAccess], [256, true, true]);
  assertEquals(first.pcr, 0x123456789);
  assertEquals(first.payload.subarray(0, 9), hex("000001e0 0000 84 c0 0a"));
  assertEquals(first.payload.subarray(9, 19), hex("39 8d15 eb33 19 8d15 cf13"));
});

Deno.test("TsWriter writes one time where both are the same, and an audio frame's length", () => {
  const packets = segment(new TsWriter(), AUDIO_ONLY, [unit({ decodeMs: 0, isVideo: false })]);
  assertEquals(packets[2]!.payload.subarray(0, 14), hex("000001c0 0134 84 80 05 2100010001"));
});

Deno.test("TsWriter fills up packets for every length of a frame", () => {
  for (let length = 1; length <= 600; length++) {
    const data = Uint8Array.from({ length }, (_, index) => index & 0xff);
    for (const isKey of [true, false]) {
      const frames = [unit({ decodeMs: 0 }), unit({ decodeMs: 10, isKey, data, isVideo: false })];
      const packets = segment(new TsWriter(), AV, frames).filter(({ pid }) => pid === 257);
      const payload = packets.flatMap((packet) => [...packet.payload]);
      assertEquals(payload.slice(14), [...data]);
    }
  }
});

Deno.test("TsWriter continues the counter of each PID in the next segment", () => {
  const writer = new TsWriter();
  const last = new Map<number, number>();
  for (let index = 0; index < 20; index++) {
    const frames = [0, 40, 80].flatMap((ms) => [
      unit({ decodeMs: index * 1000 + ms }),
      unit({ decodeMs: index * 1000 + ms, isVideo: false }),
    ]);
    for (const { pid, counter, payload } of segment(writer, AV, frames)) {
      const before = last.get(pid) ?? 15;
      assertEquals(counter, payload.length > 0 ? (before + 1) & 15 : before);
      last.set(pid, counter);
    }
  }
});

const CLOCKED: readonly (readonly [name: string, tracks: TsTracks, units: readonly TsUnit[]])[] = [
  ["video of 25 fps", AV, times(0, 3000, 40).map((decodeMs) => unit({ decodeMs }))],
  ["video of 1 fps", AV, times(0, 8000, 1000).map((decodeMs) => unit({ decodeMs }))],
  [
    "video of 2 fps beside audio",
    AV,
    times(0, 4000, 20).map((decodeMs) => unit({ decodeMs, isVideo: decodeMs % 500 === 0 })),
  ],
  [
    "audio that runs 400 ms ahead of video",
    AV,
    times(0, 3000, 40).flatMap((decodeMs) => [
      unit({ decodeMs: decodeMs + 400, isVideo: false }),
      unit({ decodeMs }),
    ]),
  ],
  [
    "audio alone",
    AUDIO_ONLY,
    times(0, 3000, 23).map((decodeMs) => unit({ decodeMs, isVideo: false })),
  ],
];

function times(fromMs: number, untilMs: number, stepMs: number): number[] {
  return Array.from({ length: (untilMs - fromMs) / stepMs }, (_, index) => fromMs + index * stepMs);
}

for (const [name, tracks, units] of CLOCKED) {
  Deno.test(`TsWriter has a clock reference every 100 ms that never goes back: ${name}`, () => {
    const writer = new TsWriter();
    const half = units.length >> 1;
    const packets = [
      ...segment(writer, tracks, units.slice(0, half)),
      ...segment(writer, tracks, units.slice(half)),
    ];
    const clocks = packets.flatMap(({ pid, pcr }) => pcr === null ? [] : [{ pid, pcr }]);
    assert(clocks.every(({ pid }) => pid === (tracks.video === null ? 257 : 256)));
    for (const [index, { pcr }] of clocks.entries()) {
      const gap = index === 0 ? 1 : pcr - clocks[index - 1]!.pcr;
      assert(gap > 0 && gap <= 9_000, `${gap / 90} ms at ${pcr / 90}`);
    }
    assert(clocks.at(-1)!.pcr >= (units.at(-1)!.decodeMs - 100) * 90);
  });
}

Deno.test("TsWriter permits a jump of the clock at a discontinuity", () => {
  const writer = new TsWriter();
  segment(writer, AV, [unit({ decodeMs: 50_000 })]);
  const packets = segment(writer, AV, [unit({ decodeMs: 0 })], true);
  assertEquals(packets.flatMap(({ pcr }) => pcr ?? []), [0]);
});

Deno.test("TsWriter does not fill a long silence with clock references", () => {
  const packets = segment(new TsWriter(), AV, [unit({ decodeMs: 0 }), unit({ decodeMs: 20_000 })]);
  assertEquals(packets.flatMap(({ pcr }) => pcr ?? []), [0, 20_000 * 90]);
});
