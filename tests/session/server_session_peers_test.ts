/** Recorded clients and damaged input. */

import { concatBytes } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { ClientPeer, SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { feedAtEverySplit } from "../helpers/split.ts";
import {
  FFMPEG_PLAY,
  FFMPEG_PUBLISH,
  LIBRTMP_PUBLISH,
  NGINX_PUSH,
  RTMP2SINK_PUBLISH,
  RTMP2SRC_PLAY,
  RTMPDUMP_PLAY,
} from "./peer_captures.ts";

const CONNECTED = [
  "WindowAckSize 2500000",
  "SetPeerBandwidth 2500000 2",
  "SetChunkSize 60000",
  "@0 _result 1 {} NetConnection.Connect.Success",
  "@0 onBWDone",
];

const PLAYING = [
  "StreamBegin 1",
  "@1 onStatus NetStream.Play.Reset",
  "@1 onStatus NetStream.Play.Start",
  "@1 data 0 0200117C52746D7053616D706C6541636365737301010101",
];

const CONNECT_EVENT = "connect live rtmp://127.0.0.1:33021/live";

const CAPTURES: readonly {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly messages: readonly string[];
  readonly events: readonly string[];
}[] = [
  {
    name: "ffmpeg publishes and stops",
    bytes: FFMPEG_PUBLISH,
    messages: [
      "@0 _result 2 null undefined",
      "@0 _result 3 null undefined",
      "@0 _result 4 null 1",
      "@0 _result 5 null null",
      "@1 onFCPublish NetStream.Publish.Start",
      "@1 onStatus NetStream.Publish.Start",
      "@1 onFCUnpublish NetStream.Unpublish.Success",
      "@0 _result 7 null undefined",
      "@1 onStatus NetStream.Unpublish.Success",
    ],
    events: ["publish a?token=1", "closed"],
  },
  {
    name: "librtmp publishes",
    bytes: LIBRTMP_PUBLISH,
    messages: [
      "@0 _result 2 null undefined",
      "@0 _result 3 null undefined",
      "@0 _result 4 null 1",
      "@0 _result 5 null null",
      "@1 onFCPublish NetStream.Publish.Start",
      "@1 onStatus NetStream.Publish.Start",
    ],
    events: ["publish b"],
  },
  {
    name: "rtmp2sink publishes",
    bytes: RTMP2SINK_PUBLISH,
    messages: [
      "@0 _result 0 null undefined",
      "@0 _result 0 null undefined",
      "@0 _result 2 null 1",
      "@1 onFCPublish NetStream.Publish.Start",
      "@1 onStatus NetStream.Publish.Start",
    ],
    events: ["publish c"],
  },
  {
    name: "nginx-rtmp pushes",
    bytes: NGINX_PUSH,
    messages: ["@0 _result 2 null 1", "@1 onStatus NetStream.Publish.Start"],
    events: ["publish pushed"],
  },
  {
    name: "ffmpeg plays and stops",
    bytes: FFMPEG_PLAY,
    messages: [
      "@0 _result 2 null 1",
      "@0 _result 3 null null",
      "@0 _result 4 null 0",
      ...PLAYING,
    ],
    events: ["play show", "closed"],
  },
  {
    name: "rtmpdump plays and stops",
    bytes: RTMPDUMP_PLAY,
    messages: [
      "@0 _result 2 null 1",
      "@0 _result 3 null null",
      "@0 _result 4 null null",
      ...PLAYING,
    ],
    events: ["play show", "closed"],
  },
  {
    name: "rtmp2src plays",
    bytes: RTMP2SRC_PLAY,
    messages: ["@0 _result 2 null 1", ...PLAYING],
    events: ["play show"],
  },
];

for (const { name, bytes, messages, events } of CAPTURES) {
  Deno.test(`ServerSession serves as ${name}`, () => {
    const expected = { messages: [...CONNECTED, ...messages], events: [CONNECT_EVENT, ...events] };
    const whole = new ClientPeer();
    whole.push(bytes);
    assertEquals(whole.take(), expected);
    const slow = new ClientPeer();
    for (const byte of bytes) slow.push(new Uint8Array([byte]));
    assertEquals(slow.take(), expected);
  });
}

Deno.test("ServerSession serves a client that does not wait for answers, for every split", () => {
  const bytes = concatBytes([FFMPEG_PUBLISH, hex("06 000028 000002 09 01000000 1700")]);
  // The handshake is in one packet; its own tests split it.
  const early = SIMPLE_HANDSHAKE.length - 10;
  const late = concatBytes([SIMPLE_HANDSHAKE.subarray(early), bytes]);
  const taken = feedAtEverySplit(late, ([first, ...others]) => {
    const peer = new ClientPeer({ isNew: true });
    peer.push(concatBytes([SIMPLE_HANDSHAKE.subarray(0, early), first!]));
    for (const chunk of others) peer.push(chunk);
    return peer.take();
  });
  assertEquals(taken.messages.length, 14);
  assertEquals(taken.events, [CONNECT_EVENT, "publish a?token=1", "closed"]);
});

// Damaged input.

/** Deterministic numbers of 0…1. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Fails unless the session accepts the bytes or throws a WireError. */
function assertSurvives(bytes: Uint8Array, options: { readonly isNew?: boolean } = {}): void {
  const peer = new ClientPeer(options);
  try {
    peer.push(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}

Deno.test("ServerSession throws only WireError for damaged recordings", () => {
  const random = createRandom(1);
  for (const { bytes } of CAPTURES) {
    for (let round = 0; round < 100; round++) {
      const damaged = bytes.slice(0, 1 + Math.floor(random() * bytes.length));
      for (let count = 0; count < 3; count++) {
        damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      }
      assertSurvives(damaged);
    }
  }
});

Deno.test("ServerSession throws only WireError for random bytes", () => {
  const random = createRandom(2);
  for (let round = 0; round < 60; round++) {
    const noise = Uint8Array.from({ length: 4000 }, () => Math.floor(random() * 256));
    assertSurvives(noise);
    assertSurvives(noise, { isNew: true });
    assertSurvives(concatBytes([new Uint8Array([3]), noise]), { isNew: true });
  }
});

Deno.test("ServerSession throws only WireError for messages of every type", () => {
  const random = createRandom(3);
  const typeIds = [...Array(32).keys(), 255];
  for (const typeId of typeIds) {
    for (let length = 0; length < 12; length++) {
      const peer = new ClientPeer().publishing();
      const payload = Uint8Array.from({ length }, () => Math.floor(random() * 16));
      try {
        peer.message({ typeId, msid: 1 }, payload);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }
  }
});
