/** What a client may send, by state. Lengths are written by hand: 0x20000 is 128 KiB. */

import { AmfObject } from "../../lib/amf/amf_value.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { ClientPeer, CONNECT, CREATE_STREAM, PUBLISH } from "../helpers/session_peer.ts";

const KIB = 1024;

const STATES: Readonly<Record<string, () => ClientPeer>> = {
  "after the handshake": () => new ClientPeer(),
  "while connect is undecided": () => {
    const peer = new ClientPeer({ defers: ["connect"] });
    peer.command(CONNECT);
    return peer;
  },
  "connected": () => new ClientPeer().connected(),
  "playing": () => new ClientPeer().playing(),
  "while publish is undecided": () => {
    const peer = new ClientPeer({ defers: ["publish"] }).connected();
    peer.command(CREATE_STREAM, PUBLISH);
    return peer;
  },
  "publishing": () => new ClientPeer().publishing(),
  "after a publish": () => {
    const peer = new ClientPeer().publishing();
    peer.command({ name: "closeStream", msid: 1 });
    return peer;
  },
};

/** Longest message, and most unassembled bytes, by state. */
const LIMITS: readonly [state: string, messageKib: number, unassembledKib: number][] = [
  ["after the handshake", 128, 128],
  ["while connect is undecided", 128, 128],
  ["connected", 128, 128],
  ["playing", 128, 128],
  ["while publish is undecided", 4 * KIB, 4 * KIB],
  ["publishing", 8 * KIB, 16 * KIB],
  ["after a publish", 128, 128],
];

/** Code of the error with which the session ends when it gets these bytes, or null. */
function codeOf(peer: ClientPeer, ...parts: readonly Uint8Array[]): string | null {
  try {
    for (const part of parts) peer.push(part);
    return null;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.code;
  }
}

/** Header of a message on csid 6 and message stream 1. */
function header(type: string, bytes: number): Uint8Array {
  return hex(`06 000000 ${bytes.toString(16).padStart(6, "0")} ${type} 01000000`);
}

for (const [state, messageKib, unassembledKib] of LIMITS) {
  const open = STATES[state]!;

  Deno.test(`ServerSession takes messages of ${messageKib} KiB and no longer ones ${state}`, () => {
    for (const type of ["09", "12"]) {
      assertEquals(codeOf(open(), header(type, messageKib * KIB)), null);
      assertEquals(codeOf(open(), header(type, messageKib * KIB + 1)), "chunk.message_too_long");
    }
  });

  Deno.test(`ServerSession takes commands of 64 KiB and no longer ones ${state}`, () => {
    for (const type of ["14", "11"]) {
      assertEquals(codeOf(open(), header(type, 64 * KIB)), null);
      assertEquals(codeOf(open(), header(type, 64 * KIB + 1)), "chunk.message_too_long");
    }
  });

  Deno.test(`ServerSession keeps ${unassembledKib} KiB of incomplete messages and no more ${state}`, () => {
    const peer = open();
    // Each chunk stream from csid 10 on gets the first chunk of a message of two chunks.
    const partKib = unassembledKib / 4;
    peer.push(hex(`02 000000 000004 01 00000000 ${(partKib * KIB).toString(16).padStart(8, "0")}`));
    const length = (2 * partKib * KIB).toString(16).padStart(6, "0");
    const part = new Uint8Array(partKib * KIB);
    const begin = (csid: number) =>
      codeOf(peer, concatBytes([Uint8Array.of(csid), hex(`000000 ${length} 09 01000000`), part]));
    let count = 0;
    let code: string | null = null;
    while (code === null && count < 40) {
      code = begin(10 + count);
      if (code === null) count++;
    }
    assertEquals(code, "chunk.too_much_unassembled");
    assertEquals(count * partKib, unassembledKib);
  });
}

/** Parts of an aggregate: a video message of one byte, and a ping request (type 4). */
const VIDEO_PART = "09 000001 000000 00 000000 17 0000000c";
const PING_PART = "04 000006 000000 00 000000 0006 00000001 00000011";

for (const state of Object.keys(STATES)) {
  Deno.test(`ServerSession answers no ping inside an aggregate ${state}`, () => {
    const peer = STATES[state]!();
    const body = hex(`${VIDEO_PART} ${PING_PART} ${VIDEO_PART}`);
    const { events, messages } = peer.message({ typeId: 22, msid: 1 }, body);
    assertEquals(messages, []);
    assertEquals(
      events,
      {
        "publishing": ["video 0 17", "ignored message type 4 in an aggregate", "video 0 17"],
        "while publish is undecided": ["ignored message type 4 in an aggregate"],
      }[state] ?? ["ignored aggregate of a peer that does not publish"],
    );
  });
}

Deno.test("ServerSession cuts the texts of connect at 4,096 characters", () => {
  const peer = new ClientPeer();
  const texts = ["app", "tcUrl", "pageUrl", "swfUrl", "flashVer"].map((name) =>
    [name, name + "x".repeat(10_000)] as const
  );
  peer.command({ ...CONNECT, values: [new AmfObject("object", new Map(texts))] });
  const { app, tcUrl, pageUrl, swfUrl, flashVer } = peer.connectRequest;
  for (const text of [app, tcUrl, pageUrl, swfUrl, flashVer]) assertEquals(text.length, 4096);
  assertEquals(pageUrl.slice(0, 9), "pageUrlxx");
});
