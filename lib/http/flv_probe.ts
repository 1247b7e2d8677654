import type { Clock } from "../base/clock.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { Admission } from "../server/admission.ts";

/** How long an edge may take to find the stream at its origins, in ms. */
const MAX_WAIT_MS = 5_000;

/** Waits for a stream without following it. */
class Probe implements Viewer {
  readonly cursor = -1;
  readonly #onAnswer: (isLive: boolean) => void;

  constructor(onAnswer: (isLive: boolean) => void) {
    this.#onAnswer = onAnswer;
  }

  onLive(): void {
    this.#onAnswer(true);
  }

  onMissing(isCertain: boolean): void {
    if (isCertain) this.#onAnswer(false);
  }
}

/** Returns whether a stream is live. An edge that does not have it asks its origins. */
export async function isStreamLive(admission: Admission, clock: Clock): Promise<boolean> {
  const { service, request } = admission;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = new Probe(resolve);
  const stream = service.play({ ...request, wantsAnswer: true }, probe);
  if (stream.isLive) resolve(true);
  const cancel = clock.after(MAX_WAIT_MS, () => resolve(false));
  const isLive = await promise;
  cancel();
  service.leave(stream, probe);
  return isLive;
}
