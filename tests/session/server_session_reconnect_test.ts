/** Asking clients to connect again: Enhanced RTMP v2 "Reconnect Request", and RTMP Go Away. */

import { amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { ClientPeer, CONNECT, toHex } from "../helpers/session_peer.ts";
import type { WireMessage } from "../helpers/wire_message.ts";

function connected(properties: Readonly<Record<string, AmfValue>>): ClientPeer {
  const peer = new ClientPeer();
  const info = amfObject({ app: "live", tcUrl: "rtmp://server/live", ...properties });
  peer.command({ ...CONNECT, values: [info] });
  return peer;
}

/** What the request causes to be sent, and its result. */
function request(peer: ClientPeer, tcUrl: string | null): [boolean, WireMessage[]] {
  const before = peer.messages.length;
  const isSent = peer.session.requestReconnect(tcUrl);
  return [isSent, peer.messages.slice(before)];
}

/** `onStatus`, 0, null, and the beginning of the object. */
const STATUS = `
  02 0008 6F6E537461747573 00 0000000000000000 05
  03
    0005 6C6576656C 02 0006 737461747573
    0004 636F6465 02 0026 4E6574436F6E6E656374696F6E2E436F6E6E6563742E5265636F6E6E65637452657175657374
    000B 6465736372697074696F6E 02 0023 436F6E6E65637420616761696E20617420796F7572206E657874206B65796672616D65
`;

/** tcUrl: rtmp://b/live */
const TC_URL = "0005 746355726C 02 000D 72746D703A2F2F622F6C697665";

Deno.test("requestReconnect() sends the status on message stream 0", () => {
  const [isSent, messages] = request(connected({ capsEx: 1 }), null);
  assertEquals(isSent, true);
  assertEquals(messages.map(({ typeId, msid }) => [typeId, msid]), [[20, 0]]);
  assertEquals(toHex(messages[0]!.payload), toHex(hex(`${STATUS} 000009`)));
});

Deno.test("requestReconnect() says where to", () => {
  const [isSent, messages] = request(connected({ capsEx: 0x0F }), "rtmp://b/live");
  assertEquals(isSent, true);
  assertEquals(toHex(messages[0]!.payload), toHex(hex(`${STATUS} ${TC_URL} 000009`)));
});

for (const supportsGoAway of [true, 1]) {
  Deno.test(`requestReconnect() sends Go Away to a client with supportsGoAway ${supportsGoAway}`, () => {
    const peer = connected({ supportsGoAway });
    const [isSent, messages] = request(peer, null);
    assertEquals(isSent, true);
    assertEquals(messages.map(({ typeId, msid, payload }) => [typeId, msid, payload.length]), [
      [32, 0, 0],
    ]);
    // The message cannot say where to.
    assertEquals(request(peer, "rtmp://b/live"), [false, []]);
  });
}

const OTHERS: readonly Record<string, AmfValue>[] = [
  {},
  { capsEx: 0x0E },
  { capsEx: "1" },
  { supportsGoAway: false },
  { supportsGoAway: 0 },
];

for (const properties of OTHERS) {
  Deno.test(`requestReconnect() sends nothing to a client with ${JSON.stringify(properties)}`, () => {
    assertEquals(request(connected(properties), null), [false, []]);
  });
}

Deno.test("requestReconnect() sends nothing before connect is accepted", () => {
  assertEquals(request(new ClientPeer(), null), [false, []]);
  assertEquals(request(new ClientPeer({ isNew: true }), null), [false, []]);
});
