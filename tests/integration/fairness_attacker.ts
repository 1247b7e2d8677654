/** Floods a server until it is killed. Arguments: port, and a name of {@linkcode ATTACKS}. */

import { concatBytes } from "../../lib/base/bytes.ts";
import { hex } from "../helpers/hex.ts";
import { AMF_NULL, amfString, command, message, RawPeer } from "../helpers/raw_peer.ts";

/** SetChunkSize 65,536. */
const CHUNK_SIZE = message(1, hex("00010000"));

/** A publisher of another stream. */
async function publish(port: number, name: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(port);
  await peer.connectApp();
  await peer.write(command("publish", 0, AMF_NULL, amfString(name)), CHUNK_SIZE);
  return peer;
}

/** Sends `first`, then `block` again and again, as fast as the server takes it. */
async function flood(peer: RawPeer, first: Uint8Array, block: Uint8Array): Promise<void> {
  await peer.write(first);
  while (!peer.isEnded) await peer.write(block);
}

const ATTACKS: Readonly<Record<string, (port: number, name: string) => Promise<void>>> = {
  /** An empty audio message, then fmt 3 chunks that repeat it: one byte each. */
  "one-byte chunks": async (port, name) => {
    const first = hex("05 000000 000000 08 01000000");
    await flood(await publish(port, name), first, new Uint8Array(262_144).fill(0xC5));
  },
  /** Ping requests of 6 bytes in chunks of 18, before connect. */
  "pings of a stranger": async (port) => {
    const peer = await RawPeer.connect(port);
    await peer.handshake();
    const ping = hex("02 000000 000006 04 00000000 0006 00000001");
    await flood(peer, ping, concatBytes(Array<Uint8Array>(10_000).fill(ping)));
  },
};

const [port, attack] = Deno.args;
// An attacker that is closed comes back.
await Promise.all(["a", "b"].map(async (name) => {
  while (true) await ATTACKS[attack!]!(Number(port), name).catch(() => {});
}));
