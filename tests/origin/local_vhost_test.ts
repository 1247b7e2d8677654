/** What an origin's vhost keeps of publishers that left. */

import { defaultConfig } from "../../lib/config/parse_config.ts";
import { Hub } from "../../lib/hub/hub.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import type { Viewer } from "../../lib/hub/viewer.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import type { PublishAnswer, PublishTicket } from "../../lib/server/vhost_service.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

const REQUEST: StreamRequest = {
  url: parseStreamUrl({ tcUrl: "rtmp://server/live", app: "live", stream: "show" }),
  name: "live/show",
  edgePath: [],
  backlogMs: 0,
};

const VIEWER: Viewer = { cursor: -1, onLive() {} };

class Rig {
  readonly clock = new FakeClock();
  readonly hub = new Hub({
    chunkSize: 128,
    isAbsoluteTime: false,
    maxLagMs: 1_000,
    maxBytes: 1_000,
    maxMessages: 100,
    keepBackMs: 0,
  });
  readonly vhost = new LocalVhost({
    config: defaultConfig().vhosts.values().next().value!,
    hub: this.hub,
    clock: this.clock,
  });

  publish(): Publisher {
    return new Publisher(this);
  }

  /** A newcomer that publishes if there is room, after the present publisher was probed. */
  async publishLater(): Promise<Publisher> {
    const room = Promise.withResolvers<boolean>();
    const reservation = this.vhost.reserve(REQUEST, room.resolve);
    if (reservation.isGranted) room.resolve(true);
    await this.clock.advance(1_500);
    assertEquals(await room.promise, true);
    const publisher = this.publish();
    reservation.release();
    return publisher;
  }
}

/** A publisher that is silent after its request. */
class Publisher implements PublishAnswer {
  handle: PublishHandle | null = null;
  isReplaced = false;
  readonly ticket: PublishTicket;

  constructor({ vhost }: Rig) {
    this.ticket = vhost.publish(REQUEST, this);
  }

  /** It gives no sign of life. */
  probe(): () => void {
    return () => {};
  }

  onAccepted(handle: PublishHandle): void {
    this.handle = handle;
  }

  onRefused(): void {}

  onReplaced(): void {
    this.isReplaced = true;
  }
}

Deno.test("LocalVhost waits for a lost publisher only while a player watches", () => {
  const rig = new Rig();
  rig.publish().ticket.leave("lost");
  assertEquals([rig.clock.pendingCount, [...rig.hub.streams()].length], [0, 0]);
  const stream = rig.vhost.play(REQUEST, VIEWER);
  rig.publish().ticket.leave("lost");
  assertEquals(rig.clock.pendingCount, 1);
  rig.vhost.leave(stream, VIEWER);
  assertEquals([rig.clock.pendingCount, [...rig.hub.streams()].length], [0, 0]);
});

Deno.test("LocalVhost stops waiting for a publisher that returned", () => {
  const rig = new Rig();
  rig.vhost.play(REQUEST, VIEWER);
  rig.publish().ticket.leave("lost");
  rig.publish();
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("LocalVhost.close() ends the waiting", async () => {
  const rig = new Rig();
  rig.vhost.play(REQUEST, VIEWER);
  rig.publish().ticket.leave("lost");
  await rig.vhost.close();
  assertEquals(rig.clock.pendingCount, 0);
});

for (const departure of ["stopped", "lost"] as const) {
  Deno.test(`LocalVhost keeps the newer publisher when the replaced one leaves, ${departure}`, async () => {
    const rig = new Rig();
    rig.vhost.play(REQUEST, VIEWER);
    const first = rig.publish();
    const second = await rig.publishLater();
    assertEquals([first.isReplaced, first.handle!.isClosed], [true, true]);
    first.ticket.leave(departure);
    assertEquals(second.handle!.isClosed, false);
    assertEquals(rig.clock.pendingCount, 0);
    // The vhost still knows it: it can be replaced, too.
    await rig.publishLater();
    assertEquals(second.isReplaced, true);
  });
}

Deno.test("LocalVhost.configure() applies to connected publishers", () => {
  const rig = new Rig();
  const { config } = rig.vhost;
  rig.vhost.play(REQUEST, VIEWER);
  const first = rig.publish();
  assertEquals(rig.publish().handle, null);
  rig.vhost.configure({ ...config, publish: { ...config.publish, takeover: "replace" } });
  const second = rig.publish();
  assertEquals([first.isReplaced, second.handle!.isClosed], [true, false]);
  rig.vhost.configure({ ...config, publish: { ...config.publish, graceMs: 0 } });
  second.ticket.leave("lost");
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("LocalVhost keeps with a stream who publishes it", () => {
  const rig = new Rig();
  const stream = rig.vhost.play(REQUEST, VIEWER);
  const { ticket } = rig.publish();
  assertEquals(stream.sourceRequest, REQUEST);
  ticket.leave("stopped");
  assertEquals(stream.sourceRequest, null);
});
