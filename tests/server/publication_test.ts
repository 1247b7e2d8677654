/** A connection that publishes: answered at once, late, never. */

import { defaultConfig } from "../../lib/config/parse_config.ts";
import type { EndReason, PublishHandle } from "../../lib/hub/publisher.ts";
import type { Stream } from "../../lib/hub/stream.ts";
import { Publication, type PublicationHost } from "../../lib/server/publication.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import type {
  NameReservation,
  PublishAnswer,
  PublishTicket,
  VhostService,
} from "../../lib/server/vhost_service.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { assertEquals } from "../helpers/assert.ts";
import { keyframe } from "../helpers/media.ts";

const REQUEST: StreamRequest = {
  url: parseStreamUrl({ tcUrl: "rtmp://server/live", app: "live", stream: "show" }),
  name: "live/show",
  edgePath: [],
  backlogMs: 0,
};

const BAD_NAME: Refusal = { code: "NetStream.Publish.BadName", description: "taken" };

/** Both sides of a publication: the vhost and the connection. */
class Rig implements VhostService, PublicationHost, PublishHandle {
  wasAskedToMove = false;
  readonly config = defaultConfig().vhosts.values().next().value!;
  /** What happened, in order. */
  readonly events: string[] = [];
  /** Called during `publish`; may answer at once. */
  onPublish: (answer: PublishAnswer) => void = () => {};
  announces = true;
  answer: PublishAnswer | null = null;
  /** Called when the client answers a ping. */
  onAlive: (() => void) | null = null;
  isClosed = false;

  open(nowMs = 0, edgePath: readonly string[] = []): Publication {
    const request = { ...REQUEST, edgePath };
    const publication = new Publication(this, { type: "admitted", service: this, request }, nowMs);
    publication.start();
    return publication;
  }

  onRole(): void {}

  // The vhost.

  publish(_request: StreamRequest, answer: PublishAnswer): PublishTicket {
    this.answer = answer;
    this.onPublish(answer);
    return { leave: (departure) => this.events.push(`ticket ${departure}`) };
  }

  configure(): void {}

  upstreams(): null {
    return null;
  }

  check(): null {
    return null;
  }

  reserve(): NameReservation {
    return { isGranted: true, release() {} };
  }

  play(): Stream {
    throw new Error("Cannot play: this vhost has publishers only");
  }

  leave(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }

  // The connection.

  announcePublish(): boolean {
    this.events.push("announced");
    return this.announces;
  }

  refusePublish({ code }: Refusal): void {
    this.events.push(`refused ${code}`);
  }

  onReplaced(): void {
    this.events.push("replaced");
  }

  probe(onAlive: () => void): () => void {
    this.onAlive = onAlive;
    return () => {
      this.onAlive = null;
    };
  }

  // The stream.

  push(_typeId: number, timestampMs: number): number {
    this.events.push(`pushed ${timestampMs}`);
    return timestampMs;
  }

  end(reason: EndReason): void {
    this.events.push(`ended ${reason}`);
  }
}

Deno.test("Publication feeds the stream when it is accepted at once", () => {
  const rig = new Rig();
  rig.onPublish = (answer) => answer.onAccepted(rig);
  const publication = rig.open();
  publication.push(9, 7, keyframe(), 0);
  publication.leave("lost");
  assertEquals(rig.events, ["announced", "pushed 7", "ticket lost"]);
});

Deno.test("Publication feeds the stream when it is accepted later, not before", () => {
  const rig = new Rig();
  const publication = rig.open();
  publication.push(9, 7, keyframe(), 0);
  rig.answer!.onAccepted(rig);
  publication.push(9, 8, keyframe(), 0);
  assertEquals(rig.events, ["announced", "pushed 8"]);
});

Deno.test("Publication ends at once when its client has withdrawn it", () => {
  const rig = new Rig();
  rig.announces = false;
  const publication = rig.open();
  rig.answer!.onAccepted(rig);
  publication.push(9, 7, keyframe(), 0);
  assertEquals(rig.events, ["announced", "ended unpublished"]);
});

Deno.test("Publication tells the client why it is refused, at once or later", () => {
  const rig = new Rig();
  rig.onPublish = (answer) => answer.onRefused(BAD_NAME);
  rig.open();
  rig.onPublish = () => {};
  rig.open();
  rig.answer!.onRefused(BAD_NAME);
  assertEquals(rig.events, [
    "refused NetStream.Publish.BadName",
    "refused NetStream.Publish.BadName",
  ]);
});

Deno.test("Publication tells the client that another publisher has the stream", () => {
  const rig = new Rig();
  rig.onPublish = (answer) => answer.onAccepted(rig);
  rig.open();
  rig.answer!.onReplaced();
  assertEquals(rig.events, ["announced", "replaced"]);
});

Deno.test("Publication.check() waits for the answer without limit, then for the first message", () => {
  const rig = new Rig();
  const publication = rig.open(1_000);
  assertEquals(publication.check(500_000, 0), null);
  rig.answer!.onAccepted(rig);
  assertEquals(publication.check(520_000, 0), null);
  assertEquals(
    publication.check(520_001, 0),
    "publisher sent no media within 20000 ms (publish.firstpkt_timeout)",
  );
});

Deno.test("Publication.check() limits the pauses between messages", () => {
  const rig = new Rig();
  rig.onPublish = (answer) => answer.onAccepted(rig);
  const publication = rig.open(1_000);
  publication.push(9, 0, keyframe(), 3_000);
  publication.push(9, 0, keyframe(), 7_000);
  assertEquals(publication.check(27_000, 0), null);
  assertEquals(
    publication.check(27_001, 0),
    "publisher sent nothing for 20001 ms (publish.normal_timeout)",
  );
});

Deno.test("Publication.check() closes a publisher that sends no media, but an edge only if it sends nothing at all", () => {
  const limitMs = new Rig().config.publish.normalTimeoutMs;
  for (
    const { edgePath, isClosed } of [
      { edgePath: [], isClosed: true },
      { edgePath: ["edge"], isClosed: false },
    ]
  ) {
    const rig = new Rig();
    rig.onPublish = (answer) => answer.onAccepted(rig);
    const publication = rig.open(0, edgePath);
    publication.push(9, 7, keyframe(), 0);
    assertEquals(publication.check(limitMs, limitMs), null);
    assertEquals(publication.check(limitMs + 1, limitMs) !== null, isClosed, edgePath.join());
    assertEquals(publication.check(2 * limitMs + 1, limitMs) !== null, true, edgePath.join());
  }
});

Deno.test("Publication.probe() takes any byte of a client as a sign of life, and of an edge only pongs, or media that keeps coming without one", () => {
  for (const edgePath of [[], ["edge"]]) {
    const rig = new Rig();
    rig.onPublish = (answer) => answer.onAccepted(rig);
    const publication = rig.open(0, edgePath);
    publication.push(9, 7, keyframe(), 0);
    let count = 0;
    const cancel = publication.probe(() => count++);
    rig.onAlive?.();
    assertEquals(count, edgePath.length === 0 ? 1 : 0);
    publication.push(9, 8, keyframe(), 40);
    publication.push(9, 9, keyframe(), 539);
    assertEquals(count, edgePath.length === 0 ? 1 : 0);
    publication.push(9, 9, keyframe(), 540);
    publication.push(9, 9, keyframe(), 1_100);
    assertEquals(count, 1);
    publication.probe(() => count += 10);
    publication.onPong();
    assertEquals(count, edgePath.length === 0 ? 1 : 11);
    rig.onAlive?.();
    assertEquals(count, 11);
    count = 1;
    cancel();
    publication.probe(() => count++)();
    rig.onAlive?.();
    publication.push(9, 10, keyframe(), 120);
    assertEquals(count, 1);
  }
});

Deno.test("Publication.probe() says of an encoder that was asked to move that it is leaving, unless cancelled", async () => {
  const rig = new Rig();
  rig.onPublish = (answer) => answer.onAccepted(rig);
  rig.wasAskedToMove = true;
  const publication = rig.open(0, []);
  const told: string[] = [];
  const probe = () => publication.probe(() => told.push("alive"), () => told.push("leaving"));
  probe()();
  probe();
  assertEquals(told, []);
  await Promise.resolve();
  publication.push(9, 7, keyframe(), 0);
  assertEquals(told, ["leaving"]);
});
