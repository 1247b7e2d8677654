/** What the attacks share: clients that send what they like. */

import { concatBytes } from "../../../lib/base/bytes.ts";
import { hex } from "../../helpers/hex.ts";
import {
  AMF_NULL,
  amfObjectOf,
  amfString,
  chunkHeader,
  HANDSHAKE_START,
  RawPeer,
} from "../../helpers/raw_peer.ts";

/** Ports of the server, and the one where the origin of `hostile.example` must listen. */
export interface AttackTarget {
  readonly rtmp: number;
  readonly api: number;
  readonly http: number;
  readonly hostile: number;
}

/** Harms the server for as long as it can. */
type Attack = (target: AttackTarget) => Promise<void>;

/** Attacks by name. */
export type Attacks = Readonly<Record<string, Attack>>;

/** The vhost whose origin is honest. */
export const EDGE_HOST = "edge.example";

/** The vhost whose origin is hostile. */
export const HOSTILE_HOST = "hostile.example";

/** Password of the API. */
export const PASSWORD = "secret";

const C2 = new Uint8Array(1536);

/** SetChunkSize 16,777,215: every message here is one chunk. */
const LONG_CHUNKS = hex("02 000000 000004 01 00000000 00FFFFFF");

/** AMF0 numbers (§2.2). */
const NUMBERS = [
  hex("00 0000000000000000"),
  hex("00 3FF0000000000000"),
  hex("00 4000000000000000"),
] as const;

/** Makes a message in one chunk. */
export function say(typeId: number, payload: Uint8Array, csid = 6): Uint8Array<ArrayBuffer> {
  return concatBytes([chunkHeader(csid, typeId, payload.length), payload]);
}

/** Makes a command message in one chunk. */
export function ask(name: string, id: 0 | 1 | 2, ...values: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return say(20, concatBytes([amfString(name), NUMBERS[id], ...values]), 3);
}

/** `connect` to the app `live`. */
export function askConnect(host: string, more: Readonly<Record<string, string>> = {}) {
  return ask("connect", 1, amfObjectOf({ app: "live", tcUrl: `rtmp://${host}/live`, ...more }));
}

/** `createStream` and `publish`. */
function askPublish(name: string): Uint8Array {
  return concatBytes([CREATE_STREAM, ask("publish", 0, AMF_NULL, amfString(name))]);
}

/** `createStream` and `play`. */
export function askPlay(name: string): Uint8Array {
  return concatBytes([CREATE_STREAM, ask("play", 0, AMF_NULL, amfString(name))]);
}

const CREATE_STREAM = ask("createStream", 2, AMF_NULL);

/** Returns `bytes`, `count` times. */
export function repeat(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  return concatBytes(Array<Uint8Array>(count).fill(bytes));
}

/** A peer that did the handshake, and did not connect. */
export async function stranger(port: number, isReading = true): Promise<RawPeer> {
  const peer = await RawPeer.connect(port, isReading);
  await peer.write(HANDSHAKE_START, C2, LONG_CHUNKS);
  return peer;
}

/** A connected client. */
export async function client(port: number, host = "a.example"): Promise<RawPeer> {
  const peer = await stranger(port);
  await peer.write(askConnect(host));
  return peer;
}

/** A publisher of another stream than the honest ones. */
export async function publisher(port: number, name: string): Promise<RawPeer> {
  const peer = await client(port);
  await peer.write(askPublish(name));
  return peer;
}

/** Sends `first`, then `block` again and again, as fast as the server takes it. */
export async function flood(peer: RawPeer, first: Uint8Array, block = first): Promise<void> {
  await peer.write(first);
  while (!peer.isEnded && await peer.write(block));
  await peer.close();
}

/** Runs `count` of an attack side by side. Each that ends begins again. */
export async function crowd(count: number, run: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, async (_, index) => {
    while (true) {
      await run(index).catch(() => {});
      await pause(1);
    }
  }));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
