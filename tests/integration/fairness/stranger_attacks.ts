import { concatBytes } from "../../../lib/base/bytes.ts";
import { hex } from "../../helpers/hex.ts";
import { AMF_NULL, amfString, chunkHeader, RawPeer } from "../../helpers/raw_peer.ts";
import {
  ask,
  askConnect,
  askPlay,
  type Attacks,
  client,
  crowd,
  flood,
  PASSWORD,
  pause,
  repeat,
  say,
  stranger,
} from "./attack.ts";

/** A ping request on csid 2 (RTMP 1.0 §7.1.7). */
const PING = hex("02 000000 000006 04 00000000 0006 00000001");

const LONG_BYTES = 7_800_000;

/** What those may do who are not connected, or have not been asked who they are. */
export const STRANGER_ATTACKS: Attacks = {
  "pings": ({ rtmp }) =>
    crowd(2, async () => flood(await stranger(rtmp, false), repeat(PING, 10_000))),
  "aggregates of pings": ({ rtmp }) => {
    const part = hex("04 000006 000000 00 000000 0006 00000001 00000011");
    const bomb = say(22, repeat(part, 400_000));
    return crowd(2, async () => flood(await stranger(rtmp), bomb));
  },
  "messages that do not end": ({ rtmp }) =>
    crowd(60, async () => {
      const peer = await stranger(rtmp);
      await peer.write(chunkHeader(6, 9, LONG_BYTES), new Uint8Array(5_000_000));
      await pause(60_000);
    }),
  "long texts in connect": ({ rtmp, api }) => {
    const text = concatBytes([hex("0C 00770480"), new Uint8Array(LONG_BYTES).fill(0x70)]);
    const connect = ask("connect", 1, hex("03 0007 7061676555726C"), text, hex("000009"));
    return crowd(40, async (index) => {
      if (index === 0) return await readClients(api);
      const peer = await stranger(rtmp);
      await peer.write(connect, askPlay("honest0"));
      await pause(1_000);
      await peer.close();
    });
  },
  "long texts that are allowed": ({ rtmp, api }) =>
    crowd(200, async (index) => {
      if (index === 0) return await readClients(api);
      const peer = await stranger(rtmp);
      await peer.write(
        askConnect("a.example", { pageUrl: "p".repeat(40_000) }),
        askPlay("honest0"),
      );
      await pause(60_000);
    }),
  "createStream without end": ({ rtmp }) =>
    crowd(
      2,
      async () => flood(await client(rtmp), repeat(ask("createStream", 2, AMF_NULL), 20_000)),
    ),
  "commands with many values": ({ rtmp }) => {
    const values = repeat(AMF_NULL, 60_000);
    return crowd(2, async () => flood(await client(rtmp), repeat(ask("odd", 0, values), 16)));
  },
  "commands that no one knows": ({ rtmp }) =>
    crowd(
      2,
      async () =>
        flood(await client(rtmp), repeat(ask("odd", 2, AMF_NULL, amfString("x")), 20_000)),
    ),
  "pauses without end": ({ rtmp }) =>
    crowd(2, async () =>
      flood(
        await client(rtmp),
        askPlay("honest0"),
        repeat(
          concatBytes([
            ask("pause", 0, AMF_NULL, hex("0101")),
            ask("seek", 0, AMF_NULL, hex("00 0000000000000000")),
          ]),
          5_000,
        ),
      )),
  "connections that come and go": ({ rtmp }) =>
    crowd(50, async () => {
      const peer = await RawPeer.connect(rtmp);
      await peer.close();
    }),
  "port scans": ({ rtmp }) =>
    crowd(50, async () => {
      const peer = await RawPeer.connect(rtmp);
      await peer.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
      await peer.untilEnded();
      await peer.close();
    }),
  "connections that say nothing": ({ rtmp }) =>
    crowd(900, async () => {
      await RawPeer.connect(rtmp);
      await pause(60_000);
    }),
};

async function readClients(api: number): Promise<void> {
  const headers = { authorization: `Basic ${btoa(`admin:${PASSWORD}`)}` };
  const answer = await fetch(`http://127.0.0.1:${api}/api/v1/clients?count=1000`, { headers });
  await answer.body?.cancel();
}
