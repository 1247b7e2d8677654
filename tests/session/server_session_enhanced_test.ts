/**
 * What the answer to `connect` says of Enhanced RTMP (v2, "Enhancing NetConnection connect
 * Command").
 */

import { amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { ClientPeer, CONNECT, toHex } from "../helpers/session_peer.ts";

/** `_result`, 1, and the beginning of its properties: fmsVer, capabilities 127, mode 1. */
const RESULT = `
  02 0007 5F726573756C74 00 3FF0000000000000
  03
    0006 666D73566572 02 000D 464D532F332C352C332C383838
    000C 6361706162696C6974696573 00 405FC00000000000
    0004 6D6F6465 00 3FF0000000000000
`;

const CAPABILITIES = `
    0012 766964656F466F75724363496E666F4D6170 03 0001 2A 00 4010000000000000 000009 // {"*": 4}
    0012 617564696F466F75724363496E666F4D6170 03 0001 2A 00 4010000000000000 000009 // {"*": 4}
    0006 636170734578 00 402E000000000000 // capsEx: 1 | 2 | 4 | 8
`;

const OBJECT_END = "000009";

/** The start of the answer to a connect with these properties, as long as `expected`. */
function answerTo(properties: Readonly<Record<string, AmfValue>>, expected: string): string {
  const peer = new ClientPeer();
  const info = amfObject({ app: "live", tcUrl: "rtmp://server/live", ...properties });
  peer.command({ ...CONNECT, values: [info] });
  return toHex(peer.messages[3]!.payload).slice(0, expected.length);
}

const CLIENTS: readonly (readonly [client: string, properties: Record<string, AmfValue>])[] = [
  ["OBS 30", { fourCcList: ["av01", "hvc1"] }],
  ["ffmpeg 7.1 with rtmp_enhanced_codecs", { fourCcList: ["hvc1", "av01", "vp09"] }],
  ["a client of version 2", {
    videoFourCcInfoMap: amfObject({ "*": 7 }),
    audioFourCcInfoMap: amfObject({ Opus: 1 }),
    capsEx: 3,
  }],
  ["a client that states only capsEx", { capsEx: 0 }],
];

for (const [client, properties] of CLIENTS) {
  Deno.test(`ServerSession says to ${client} that it forwards every codec`, () => {
    const expected = toHex(hex(RESULT + CAPABILITIES + OBJECT_END));
    assertEquals(answerTo(properties, expected), expected);
  });
}

Deno.test("ServerSession says nothing of Enhanced RTMP to a client that does not", () => {
  const expected = toHex(hex(RESULT + OBJECT_END));
  assertEquals(answerTo({ videoCodecs: 252, audioCodecs: 3575 }, expected), expected);
});
