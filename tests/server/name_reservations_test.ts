import { NameReservations } from "../../lib/server/name_reservations.ts";
import type { NameReservation } from "../../lib/server/vhost_service.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

const NAME = "live/show";

/** A name whose room a test decides about; free at first. */
class Rig {
  readonly clock = new FakeClock();
  readonly names = new NameReservations(this.clock);
  /** `a true`: newcomer `a` has the name; `a now` if it was granted at once. */
  readonly answers: string[] = [];
  /** Checks of the publisher that has the name, which are not answered yet. */
  readonly checks = new Set<(hasRoom: boolean) => void>();
  isFree = true;

  reserve(who: string, name = NAME): NameReservation {
    const reservation = this.names.reserve(name, (onRoom) => {
      if (this.isFree) return null;
      this.checks.add(onRoom);
      return { cancel: () => this.checks.delete(onRoom) };
    }, (hasRoom) => this.answers.push(`${who} ${hasRoom}`));
    if (reservation.isGranted) this.answers.push(`${who} now`);
    return reservation;
  }

  /** The publisher was found dead or alive. */
  answer(hasRoom: boolean): void {
    const checks = [...this.checks];
    this.checks.clear();
    checks.forEach((onRoom, index) => onRoom(hasRoom && index === 0));
  }
}

Deno.test("NameReservations grants a free name to the first newcomer; others wait", () => {
  const rig = new Rig();
  const first = rig.reserve("a");
  rig.reserve("b");
  rig.reserve("c", "live/other");
  assertEquals(rig.answers, ["a now", "c now"]);
  first.release();
  first.release();
  assertEquals(rig.answers.slice(2), ["b true"]);
});

Deno.test("NameReservations refuses those that waited when the first one publishes", () => {
  const rig = new Rig();
  const first = rig.reserve("a");
  rig.reserve("b");
  rig.reserve("c");
  rig.isFree = false;
  first.release();
  assertEquals([rig.answers, rig.checks.size], [["a now"], 2]);
  rig.answer(false);
  assertEquals(rig.answers, ["a now", "b false", "c false"]);
});

Deno.test("NameReservations gives the name of a dead publisher to one newcomer", () => {
  const rig = new Rig();
  rig.isFree = false;
  const first = rig.reserve("a");
  rig.reserve("b");
  rig.answer(true);
  rig.reserve("c");
  assertEquals(rig.answers, ["a true", "b false"]);
  rig.isFree = true;
  first.release();
  assertEquals(rig.answers.at(-1), "c true");
});

Deno.test("NameReservations lets a newcomer wait 5 s at most for those before it", async () => {
  const rig = new Rig();
  const first = rig.reserve("a");
  rig.reserve("b");
  await rig.clock.advance(4_999);
  assertEquals(rig.answers, ["a now"]);
  await rig.clock.advance(1);
  assertEquals(rig.answers, ["a now", "b true"]);
  rig.reserve("c");
  first.release();
  assertEquals(rig.answers.length, 2, "b has the name");
});

Deno.test("NameReservations forgets newcomers that leave, and leaves no timer", () => {
  const rig = new Rig();
  const first = rig.reserve("a");
  const second = rig.reserve("b");
  rig.reserve("c");
  second.release();
  first.release();
  assertEquals([rig.answers, rig.clock.pendingCount], [["a now", "c true"], 0]);
  rig.isFree = false;
  const other = rig.reserve("d", "live/other");
  other.release();
  assertEquals(rig.checks.size, 0);
});
