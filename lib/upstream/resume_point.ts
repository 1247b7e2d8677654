import type { JoinPoint } from "../hub/join_index.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { OutageRoom } from "./outage_room.ts";

/**
 * Where the next connection of a push begins: at the newest join point before what the last origin
 * surely has. The stream forgets its join points after some seconds; an origin may be away for
 * longer, so this one is kept, as a viewer of the log: up to `queue_length`, as for a player that
 * lags.
 */
export class ResumePoint implements Viewer {
  readonly isPassive = true;
  readonly #stream: Stream;
  readonly #room: OutageRoom;
  #point: JoinPoint | null = null;
  #isAwaited = false;

  constructor(stream: Stream, room: OutageRoom) {
    this.#stream = stream;
    this.#room = room;
  }

  /** The push waits for an origin to begin here. */
  set isAwaited(isAwaited: boolean) {
    if (isAwaited === this.#isAwaited) return;
    this.#isAwaited = isAwaited;
    if (isAwaited) this.#room.enter();
    else this.#room.leave();
  }

  /** As {@linkcode Viewer.cursor}; -1 as well if the log must not grow for it. */
  get cursor(): number {
    if (this.#point === null) return -1;
    const { offset } = this.#point;
    return this.#stream.log.head - offset > this.#room.bytesEach ? -1 : offset;
  }

  /** Called by the stream; it waits for an origin, not for a source. */
  onLive(): void {}

  /**
   * Returns where a connection begins if origins have everything before log offset `offset`: at the
   * newest join point up to there, else at the oldest that is left. Null while no one can join.
   */
  // HOT: once per push and period of the wheel.
  before(offset: number): JoinPoint | null {
    const point = this.#point;
    if (point !== null && point === this.#stream.joinPoint && point.offset <= offset) return point;
    const found = this.#stream.joinPointAt(offset);
    const isForgotten = found !== null && found.offset > offset;
    if (isForgotten && point !== null && this.#isHeldBefore(point, found)) return point;
    return this.#point = found;
  }

  #isHeldBefore({ offset }: JoinPoint, found: JoinPoint): boolean {
    return offset >= this.#stream.log.tail && offset < found.offset;
  }
}
