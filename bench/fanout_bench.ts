/**
 * Cost of flushing players, without the kernel's part: `deno bench bench/fanout_bench.ts`. The time
 * per player should not depend on the number of players.
 */

import { nextTurn, systemClock } from "../lib/base/clock.ts";
import { Stream } from "../lib/hub/stream.ts";
import { FlushQueue } from "../lib/io/flush_queue.ts";
import { PlayerSink } from "../lib/server/player_sink.ts";
import { SocketWriter } from "../lib/io/socket_writer.ts";
import type { Transport } from "../lib/io/transport.ts";

/** A socket that takes all bytes at once. */
const transport: Transport = {
  isSecure: false,
  remote: "127.0.0.1:1",
  read: () => new Promise(() => {}),
  write: (bytes) => Promise.resolve(bytes.length),
  close() {},
};

/** 350 ms of a 1 Mbit/s stream: 25 messages, ten of them video frames. */
const MERGED = Array.from({ length: 25 }, (_, index) => new Uint8Array(index % 5 < 2 ? 3500 : 350));
for (const [index, payload] of MERGED.entries()) {
  payload.set(index % 5 < 2 ? [index === 0 ? 0x17 : 0x27, 1] : [0xAF, 1]);
}

for (const count of [500, 2_000, 9_000]) {
  const options = { chunkSize: 60_000, isAbsoluteTime: false, maxLagMs: 30_000 };
  const stream = new Stream(
    "live/show",
    { ...options, maxBytes: 1 << 26, maxMessages: 2500, keepBackMs: 0 },
    () => {},
  );
  const handle = stream.publish();
  const queue = new FlushQueue(systemClock);
  const rules = { gopCache: true, queueLengthMs: 30_000, stallMs: 15_000 };
  const vhost = { config: { play: rules } };
  const sinks = Array.from({ length: count }, () => {
    const writer = new SocketWriter({
      transport,
      queue,
      clock: systemClock,
      host: { onWriteFailed() {} },
    });
    const sink = new PlayerSink(stream, writer, vhost, { onStalled() {} });
    sink.start();
    return sink;
  });
  let timestampMs = 0;
  Deno.bench(`one merge period of ${count} players`, async () => {
    for (const payload of MERGED) {
      handle?.push(payload[0] === 0xAF ? 8 : 9, timestampMs += 14, payload, timestampMs += 14);
    }
    for (const sink of sinks) queue.add(sink);
    // Every batch but the last yields to the event loop.
    for (let batch = 0; batch <= count / 64; batch++) {
      await nextTurn(systemClock);
    }
  });
}
