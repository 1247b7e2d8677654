import { defaultConfig } from "../../lib/config/parse_config.ts";
import type { PublishConfig } from "../../lib/config/config.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { PublisherSlot } from "../../lib/server/publisher_slot.ts";
import { StreamFeeder } from "../../lib/splice/stream_feeder.ts";
import type { PublishAnswer } from "../../lib/server/vhost_service.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { createStream, requestFor } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { LogViewer } from "../helpers/log_viewer.ts";

const GRACE_MS = 10_000;

const UNPUBLISHED = "NetStream.Play.UnpublishNotify";

class Publisher implements PublishAnswer {
  handle: PublishHandle | null = null;
  isReplaced = false;
  /** Gives the sign of life that a probe waits for. */
  onAlive: (() => void) | null = null;
  /** Says that it was asked to connect elsewhere. */
  onLeaving: (() => void) | undefined = undefined;

  probe(onAlive: () => void, onLeaving?: () => void): () => void {
    this.onAlive = onAlive;
    this.onLeaving = onLeaving;
    return () => {
      this.onAlive = null;
    };
  }

  onAccepted(handle: PublishHandle): void {
    this.handle = handle;
  }

  onRefused(): void {}

  onReplaced(): void {
    this.isReplaced = true;
  }
}

/** A slot, and a stream with one player. */
class Rig {
  readonly clock = new FakeClock();
  readonly stream = createStream();
  readonly feeder = new StreamFeeder(this.stream);
  readonly player = new LogViewer().watch(this.stream);
  settings: PublishConfig = {
    ...defaultConfig().vhosts.values().next().value!.publish,
    graceMs: GRACE_MS,
  };
  freeCount = 0;
  readonly slot = new PublisherSlot({
    isSlateNext: () => false,
    clock: this.clock,
    settings: () => this.settings,
    onFree: () => this.freeCount++,
  });

  constructor() {
    this.stream.join(this.player);
  }

  /** A publisher that takes the slot and was heard just now. */
  take(request = requestFor()): Publisher {
    const publisher = new Publisher();
    this.slot.take(publisher, this.feeder, request);
    return publisher;
  }

  /** Asks for the name; the answers arrive in `answers`. */
  ask(answers: boolean[]) {
    const check = this.slot.checkRoom(requestFor(), (hasRoom) => answers.push(hasRoom));
    if (check === null) answers.push(true);
    return check;
  }

  /** What became of the slot, and whether players were told of the stream's end. */
  get outcome() {
    const wasTold = this.player.statuses.includes(UNPUBLISHED);
    return { isTaken: this.slot.isTaken, freeCount: this.freeCount, wasTold };
  }
}

Deno.test("PublisherSlot ends the stream of a publisher that stopped", () => {
  const rig = new Rig();
  const publisher = rig.take();
  rig.slot.leave(publisher, "stopped");
  assertEquals(rig.outcome, { isTaken: false, freeCount: 1, wasTold: true });
  assertEquals([publisher.handle!.isClosed, rig.clock.pendingCount], [true, 0]);
});

Deno.test("PublisherSlot waits for a publisher that was lost, then ends its stream", async () => {
  const rig = new Rig();
  rig.slot.leave(rig.take(), "lost");
  await rig.clock.advance(GRACE_MS - 1);
  assertEquals(rig.outcome, { isTaken: true, freeCount: 0, wasTold: false });
  await rig.clock.advance(1);
  assertEquals(rig.outcome, { isTaken: false, freeCount: 1, wasTold: true });
});

Deno.test("PublisherSlot gives the stream to a publisher that returns, and forgets the timer", async () => {
  const rig = new Rig();
  rig.slot.leave(rig.take(), "lost");
  await rig.clock.advance(GRACE_MS - 1);
  assertEquals(rig.slot.makeRoom(requestFor()), true);
  rig.take();
  await rig.clock.advance(GRACE_MS);
  assertEquals(rig.outcome, { isTaken: true, freeCount: 0, wasTold: false });
  assertEquals(rig.stream.hasSource, true);
});

Deno.test("PublisherSlot waits for no one when there is no grace time", () => {
  const rig = new Rig();
  rig.settings = { ...rig.settings, graceMs: 0 };
  rig.slot.leave(rig.take(), "lost");
  assertEquals(rig.outcome, { isTaken: false, freeCount: 1, wasTold: true });
});

Deno.test("PublisherSlot waits for no one when no player would notice", () => {
  const rig = new Rig();
  const publisher = rig.take();
  rig.stream.leave(rig.player);
  rig.slot.leave(publisher, "lost");
  assertEquals([rig.freeCount, rig.clock.pendingCount], [1, 0]);
});

Deno.test("PublisherSlot evicts a publisher that gives no sign of life for 1.5 s", async () => {
  const rig = new Rig();
  const first = rig.take();
  const answers: boolean[] = [];
  rig.ask(answers);
  await rig.clock.advance(1_499);
  assertEquals([answers, first.isReplaced], [[], false]);
  await rig.clock.advance(1);
  assertEquals([answers, first.isReplaced, first.handle!.isClosed], [[true], true, true]);
  assertEquals(rig.slot.makeRoom(requestFor()), true);
  const second = rig.take();
  rig.slot.leave(first, "stopped");
  assertEquals(second.handle!.isClosed, false, "the old publisher ends nothing");
  assertEquals(rig.outcome, { isTaken: true, freeCount: 0, wasTold: false });
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("PublisherSlot keeps a publisher that gives a sign of life, and refuses all newcomers", async () => {
  const rig = new Rig();
  const first = rig.take();
  for (let round = 0; round < 2; round++) {
    const answers: boolean[] = [];
    rig.ask(answers);
    rig.ask(answers);
    await rig.clock.advance(1_000);
    first.onAlive!();
    await rig.clock.advance(5_000);
    assertEquals([answers, first.isReplaced, rig.clock.pendingCount], [[false, false], false, 0]);
  }
});

Deno.test("PublisherSlot lets one newcomer in when the publisher dies or leaves, and refuses the others", async () => {
  for (const departure of [null, "stopped", "lost"] as const) {
    const rig = new Rig();
    const first = rig.take();
    const answers: boolean[] = [];
    for (let count = 0; count < 3; count++) rig.ask(answers);
    if (departure === null) await rig.clock.advance(1_500);
    else rig.slot.leave(first, departure);
    assertEquals(answers, [true, false, false]);
  }
});

Deno.test("PublisherSlot keeps a silent publisher when no newcomer waits any longer", async () => {
  const rig = new Rig();
  const first = rig.take();
  const answers: boolean[] = [];
  rig.ask(answers)!.cancel();
  assertEquals([rig.clock.pendingCount, first.onAlive], [0, null]);
  await rig.clock.advance(5_000);
  assertEquals([answers, first.isReplaced], [[], false]);
});

Deno.test("PublisherSlot waits for the newcomer of an evicted publisher as for a lost one", async () => {
  const rig = new Rig();
  rig.take();
  rig.stream.leave(rig.player);
  rig.ask([]);
  await rig.clock.advance(1_500);
  assertEquals(rig.slot.isTaken, true, "even without a viewer: its callbacks may take a moment");
  await rig.clock.advance(GRACE_MS);
  assertEquals([rig.slot.isTaken, rig.freeCount], [false, 1]);
});

Deno.test("PublisherSlot gives the name of a publisher that is leaving to a newcomer at once", async () => {
  const rig = new Rig();
  const publisher = rig.take();
  const answers: boolean[] = [];
  rig.ask(answers);
  publisher.onLeaving!();
  assertEquals([answers, publisher.isReplaced], [[true], true]);
  const next = rig.take();
  await rig.clock.advance(GRACE_MS);
  assertEquals([rig.outcome.isTaken, rig.outcome.wasTold, next.isReplaced], [true, false, false]);
});

Deno.test("PublisherSlot vouches for a publisher that is alive, and for none that is leaving, lost or away", () => {
  const rig = new Rig();
  const told: string[] = [];
  const vouch = () => rig.slot.vouch(() => told.push("alive"), () => told.push("denied"));
  const publisher = rig.take();
  const isTold = (what: string) => {
    assertEquals(told.splice(0), [what]);
  };
  vouch();
  assertEquals(told, []);
  publisher.onAlive!();
  isTold("alive");
  vouch();
  publisher.onLeaving!();
  isTold("denied");
  vouch();
  rig.slot.leave(publisher, "lost");
  isTold("denied");
  publisher.onAlive!();
  assertEquals(told, []);
  vouch();
  isTold("denied");
  rig.slot.close();
});

Deno.test("PublisherSlot asks for the settings at use", () => {
  const rig = new Rig();
  rig.take();
  assertEquals(rig.slot.makeRoom(requestFor()), false);
  rig.settings = { ...rig.settings, takeover: "replace" };
  assertEquals(rig.slot.makeRoom(requestFor()), true);
});

Deno.test("PublisherSlot keeps a publisher that waits for its answer", async () => {
  const rig = new Rig();
  const publisher = new Publisher();
  rig.slot.ask(publisher);
  await rig.clock.advance(5_000);
  assertEquals([rig.slot.makeRoom(requestFor()), rig.slot.isTaken], [false, false]);
  const answers: boolean[] = [];
  rig.ask(answers);
  await rig.clock.advance(0);
  assertEquals(answers, [false]);
  rig.slot.leave(publisher, "lost");
  assertEquals([rig.freeCount, rig.slot.makeRoom(requestFor())], [1, true]);
});

Deno.test("PublisherSlot.stopWaiting() frees the name and tells players nothing", () => {
  const rig = new Rig();
  const publisher = rig.take();
  rig.slot.stopWaiting();
  assertEquals(rig.slot.isTaken, true, "without effect while a publisher feeds the stream");
  rig.slot.leave(publisher, "lost");
  rig.slot.stopWaiting();
  assertEquals(rig.outcome, { isTaken: false, freeCount: 1, wasTold: false });
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("PublisherSlot.close() leaves no timer and calls nothing", () => {
  const rig = new Rig();
  rig.slot.leave(rig.take(), "lost");
  rig.slot.close();
  assertEquals([rig.freeCount, rig.clock.pendingCount], [0, 0]);
});

Deno.test("PublisherSlot.take() throws when the stream has another source", () => {
  const rig = new Rig();
  rig.stream.publish();
  assertThrows(() => rig.take(), Error, 'Stream "live/show" has a source beside its publisher');
});
