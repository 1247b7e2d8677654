/**
 * An edge whose event loop is late, as with too little CPU time: what origins sent waits in the
 * kernel for longer than the timeouts. Only an origin that sent nothing is left.
 */

import { assertEquals } from "../helpers/assert.ts";
import { TWO_ORIGINS } from "../helpers/edge_rig.ts";
import type { OriginLink } from "../helpers/scripted_origin.ts";
import { type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const FRAME_MS = 40;
const GOP = 10;

/** How late everything is read, in ms. */
const LATE_MS = 2_500;

/** Returns video frame `number`. No two are equal. */
function frameAt(number: number): TinyMessage {
  const payload = new Uint8Array(260).fill(number & 255);
  payload.set([number % GOP === 0 ? 0x17 : 0x27, 1, 0, 0, 0, number >> 8, number & 255]);
  return { typeId: 9, timestampMs: number * FRAME_MS, payload };
}

/** An edge with a player, and origins that send the same frames. */
class LateRig extends VhostRig {
  #newest = -1;
  readonly #begun = new WeakSet<OriginLink>();

  /** Sends `count` frames from both origins. */
  async feed(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      this.#newest++;
      for (const link of [...this.a.links, ...this.b.links]) {
        if (link.isOpen && link.streamName !== "") this.#sendTo(link);
      }
      await this.advance(FRAME_MS);
    }
  }

  /** From now on, what arrives of the first `count` connections is read late. */
  makeLate(count = Infinity): void {
    this.clock.readDelayMs = LATE_MS;
    for (const { client } of this.network.connections.slice(0, count)) {
      client.noticeLater = (run) => this.clock.afterReads(run);
    }
  }

  #sendTo(link: OriginLink): void {
    const newest = this.#newest;
    if (this.#begun.has(link)) return link.sendMedia(frameAt(newest));
    this.#begun.add(link);
    const first = newest - newest % GOP;
    const frames = Array.from({ length: newest - first + 1 }, (_, at) => frameAt(first + at));
    link.sendMedia(videoHeader(), ...frames);
  }
}

for (const isStallAuto of [true, false]) {
  const stall = isStallAuto ? "auto" : "2s";
  Deno.test(`stall_timeout ${stall}: an origin whose media waits unread is not silent`, async () => {
    const rig = new LateRig({ origins: TWO_ORIGINS, isStallAuto });
    await rig.play();
    await rig.feed(50);
    rig.makeLate();
    await rig.feed(250);
    assertEquals(rig.network.dialled.length, 1);
    rig.a.link.freeze();
    await rig.advance(5 * LATE_MS);
    assertEquals(rig.b.openCount, 1, "one that is silent is left");
  });
}

for (const count of [1, 2]) {
  Deno.test(`standby on: of two origins, ${count} of which are read late, neither is left`, async () => {
    const rig = new LateRig({ origins: TWO_ORIGINS, isStallAuto: true, standby: true });
    await rig.play();
    await rig.feed(50);
    assertEquals(rig.log.count("Standby ready"), 1);
    rig.makeLate(count);
    await rig.feed(300);
    assertEquals(rig.network.dialled.length, 2);
    const origins = rig.vhost.of("live/show").map(({ origin }) => origin);
    assertEquals(origins, ["a.example:19001", "b.example:19002"]);
  });
}
