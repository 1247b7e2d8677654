/** Compares what a player received with an endlessly repeated source, packet by packet. */

/**
 * Returns how many packets are missing between the first and the last of `watched`, as a run
 * through the repeated `source`. Gaps must be shorter than half the source; longer ones look like a
 * step back.
 *
 * @throws {Error} when a packet is duplicated, out of order, or not in the source
 */
export function countLost(source: readonly string[], watched: readonly string[]): number {
  let lost = 0;
  for (const found of stepsOf(source, watched)) {
    if (typeof found === "string") throw new Error(found);
    if (found.step === 0 || found.step > source.length / 2) throw new Error(describeStep(found));
    lost += found.step - 1;
  }
  return lost;
}

/**
 * Describes how `watched` differs from every run through the repeated `source`, or returns
 * `undefined` if it is such a run: each packet is followed by the next, and the source's last by
 * its first.
 *
 * @param source distinct hashes of the source's packets, in order
 * @param watched hashes of the packets a player received, in order
 */
export function describeMismatch(
  source: readonly string[],
  watched: readonly string[],
): string | undefined {
  for (const found of stepsOf(source, watched)) {
    if (typeof found === "string") return found;
    if (found.step !== 1) return describeStep(found);
  }
  return undefined;
}

/** Yields the step from each watched packet to the next, or a fault, which ends the sequence. */
function* stepsOf(
  source: readonly string[],
  watched: readonly string[],
): Generator<Step | string> {
  const positions = new Map(source.map((hash, position) => [hash, position]));
  if (positions.size !== source.length) throw new Error("Source packets are not distinct");
  let previous: number | undefined;
  for (const [index, hash] of watched.entries()) {
    const position = positions.get(hash);
    if (position === undefined) return yield `packet ${index} (${hash}) is not in the source`;
    if (previous !== undefined) {
      const step = (position - previous + source.length) % source.length;
      yield { index, previous, position, step, size: source.length };
    }
    previous = position;
  }
}

interface Step {
  readonly index: number;
  readonly previous: number;
  readonly position: number;
  /** How far the source advanced, 0 to `size - 1`. */
  readonly step: number;
  readonly size: number;
}

function describeStep({ index, previous, position, step, size }: Step): string {
  const where = `at packet ${index}: source packet ${position} came after ${previous}`;
  if (step === 0) return `one packet duplicated ${where}`;
  // More than half of the source forward counts as a step back.
  if (step > size / 2) return `went back by ${size - step + 1} packets ${where}`;
  const lost = step - 1;
  return `${lost} packet${lost === 1 ? "" : "s"} lost ${where}`;
}
