/**
 * The chunk reader against a writer that uses everything the specification allows: compressed
 * headers, interleaved messages, new chunk sizes at any time, extended timestamps in the style of
 * each peer. It shares no code with the encoder.
 */

import fc from "fast-check";
import { ChunkReader } from "../../lib/rtmp/chunk_reader.ts";
import { assertEquals } from "../helpers/assert.ts";

interface Plan {
  readonly csid: number;
  readonly typeId: number;
  readonly msid: number;
  /** Added to the timestamp of the previous message on this chunk stream. */
  readonly deltaMs: number;
  readonly length: number;
  /** Fmt to use if the previous message allows it; otherwise the next lower one. */
  readonly fmt: number;
}

/** One step of the connection: the next chunk of a chunk stream, or a new chunk size. */
type Step = { readonly pick: number } | { readonly chunkSize: number };

type Style = "repeated" | "left out" | "zero";

/** Header of the last message of a chunk stream, which the next header may refer to. */
interface Sent {
  readonly plan: Plan;
  readonly timestampMs: number;
  /** Delta that the next fmt 3 adds. */
  readonly deltaMs: number;
}

class ModelWriter {
  readonly bytes: number[] = [];
  /** Messages in the order in which their last chunk was written. */
  readonly finished: string[] = [];
  readonly #style: Style;
  readonly #queues = new Map<number, Plan[]>();
  readonly #sent = new Map<number, Sent>();
  /** Remaining payload and extended field, by csid. */
  readonly #open = new Map<number, { rest: number[]; extended: number[] }>();
  #chunkSize = 128;

  constructor(plans: readonly Plan[], style: Style) {
    this.#style = style;
    for (const plan of plans) {
      this.#queues.set(plan.csid, [...this.#queues.get(plan.csid) ?? [], plan]);
    }
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) this.#step(step);
    while (this.#queues.size > 0) this.#step({ pick: 0 });
  }

  #step(step: Step): void {
    if ("chunkSize" in step) return this.#setChunkSize(step.chunkSize);
    const csids = [...this.#queues.keys()];
    const csid = csids[step.pick % csids.length];
    if (csid === undefined) return;
    if (this.#open.has(csid)) this.#writeContinuation(csid);
    else this.#writeStart(csid, this.#queues.get(csid)![0]!);
    this.#writePayload(csid);
  }

  #setChunkSize(size: number): void {
    // Sizes below four bytes would split this message itself; chunk_reader_test.ts tests that.
    if (this.#chunkSize < 4) return;
    this.bytes.push(0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, ...bigEndian(size, 4));
    this.#chunkSize = size;
  }

  #writeStart(csid: number, plan: Plan): void {
    const before = this.#sent.get(csid);
    const timestampMs = ((before?.timestampMs ?? 0) + plan.deltaMs) >>> 0;
    const fmt = Math.min(plan.fmt, highestFmt(before, plan));
    const value = fmt === 0 ? timestampMs : plan.deltaMs;
    const isExtended = value >= 0xffffff;
    const extended = isExtended ? bigEndian(value, 4) : [];
    this.#sent.set(csid, { plan, timestampMs, deltaMs: value });
    this.bytes.push(...basicHeader(fmt, csid));
    if (fmt <= 2) this.bytes.push(...bigEndian(isExtended ? 0xffffff : value, 3));
    if (fmt <= 1) this.bytes.push(...bigEndian(plan.length, 3), plan.typeId);
    if (fmt === 0) this.bytes.push(...bigEndian(plan.msid, 4).reverse());
    this.bytes.push(...extended);
    this.#open.set(csid, { rest: payloadOf(plan), extended });
  }

  #writeContinuation(csid: number): void {
    const { extended } = this.#open.get(csid)!;
    this.bytes.push(...basicHeader(3, csid));
    if (this.#style === "repeated") this.bytes.push(...extended);
    if (this.#style === "zero") this.bytes.push(...extended.map(() => 0));
  }

  #writePayload(csid: number): void {
    const open = this.#open.get(csid)!;
    this.bytes.push(...open.rest.splice(0, this.#chunkSize));
    if (open.rest.length > 0) return;
    this.#open.delete(csid);
    const queue = this.#queues.get(csid)!;
    queue.shift();
    if (queue.length === 0) this.#queues.delete(csid);
    const { plan, timestampMs } = this.#sent.get(csid)!;
    this.finished.push(describe(plan.typeId, timestampMs, plan.msid, payloadOf(plan)));
  }
}

/** The shortest possible header. */
function highestFmt(before: Sent | undefined, plan: Plan): number {
  if (before === undefined || before.plan.msid !== plan.msid) return 0;
  if (before.plan.length !== plan.length || before.plan.typeId !== plan.typeId) return 1;
  return before.deltaMs === plan.deltaMs ? 3 : 2;
}

function basicHeader(fmt: number, csid: number): number[] {
  if (csid < 64) return [fmt << 6 | csid];
  if (csid < 320) return [fmt << 6, csid - 64];
  return [fmt << 6 | 1, (csid - 64) & 0xff, (csid - 64) >>> 8];
}

function bigEndian(value: number, length: number): number[] {
  return Array.from({ length }, (_, i) => (value >>> (8 * (length - 1 - i))) & 0xff);
}

/** Bytes from 0x80 on, so that no payload looks like the zeros of a continuation. */
function payloadOf({ length, typeId }: Plan): number[] {
  return Array.from({ length }, (_, i) => 0x80 | ((i * 37 + typeId) & 0x7f));
}

function describe(
  typeId: number,
  timestampMs: number,
  msid: number,
  payload: ArrayLike<number>,
): string {
  return `${typeId} @${timestampMs} #${msid} ${Array.from(payload)}`;
}

const deltaMs = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 23, 40) },
  { weight: 1, arbitrary: fc.integer({ min: 0xfffffd, max: 0x1000001 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x7fffffff }) },
);

const plan: fc.Arbitrary<Plan> = fc.record({
  csid: fc.constantFrom(3, 63, 64, 319, 320, 65599),
  typeId: fc.constantFrom(8, 9),
  msid: fc.constantFrom(1, 1, 1, 0x01020304),
  deltaMs,
  length: fc.oneof(fc.constantFrom(0, 1, 127, 128, 129, 300), fc.nat(300)),
  fmt: fc.nat(3),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ pick: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ chunkSize: fc.integer({ min: 1, max: 400 }) }) },
);

const connection = fc.record({
  plans: fc.array(plan, { maxLength: 15 }),
  steps: fc.array(step, { maxLength: 40 }),
  style: fc.constantFrom<Style>("repeated", "left out", "zero"),
  pieceBytes: fc.constantFrom(1, 2, 5, 64, 100_000),
});

Deno.test("ChunkReader.push() reads the output of any correct writer", () => {
  fc.assert(
    fc.property(connection, ({ plans, steps, style, pieceBytes }) => {
      const writer = new ModelWriter(plans, style);
      writer.run(steps);
      assertEquals(readPieces(Uint8Array.from(writer.bytes), pieceBytes), writer.finished);
    }),
    { numRuns: 300 },
  );
});

function readPieces(bytes: Uint8Array, pieceBytes: number): string[] {
  const messages: string[] = [];
  const reader = new ChunkReader({
    onMessage(typeId, timestampMs, msid, payload) {
      if (typeId !== 1) messages.push(describe(typeId, timestampMs, msid, payload));
    },
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes.slice(at, at + pieceBytes));
  }
  return messages;
}
