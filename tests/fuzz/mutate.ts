/** Small changes to inputs that were valid. */

import { concatBytes, encodeUtf8, writeU32 } from "../../lib/base/bytes.ts";
import type { SeededRandom } from "./random.ts";

/** Length of the longest mutated input. */
const MAX_INPUT_BYTES = 16 * 1024;

const MAX_MUTATIONS = 4;
const MAX_SLICE_BYTES = 64;

/** Values at which lengths, counts and times change their meaning. */
const EDGE_NUMBERS = [
  ...[0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xfffffe, 0xffffff, 0x1000000],
  ...[0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff],
];

/** What a mutation may draw from besides the input. */
interface Material {
  readonly random: SeededRandom;
  /** Other inputs. */
  readonly pool: readonly Uint8Array[];
  /** Pieces that mean something to the target. */
  readonly tokens: readonly string[];
}

type Mutation = (input: Uint8Array, material: Material) => Uint8Array;

/** Returns `input` with one to four changes. */
export function mutate(input: Uint8Array, material: Material): Uint8Array {
  const { random } = material;
  let mutant = input;
  for (let i = random.below(MAX_MUTATIONS); i >= 0; i--) {
    mutant = random.pick(MUTATIONS)(mutant, material);
  }
  return mutant.slice(0, MAX_INPUT_BYTES);
}

function flipBit(input: Uint8Array, { random }: Material): Uint8Array {
  const mutant = input.slice();
  const at = random.below(input.length);
  if (at < mutant.length) mutant[at]! ^= 1 << random.below(8);
  return mutant;
}

function setByte(input: Uint8Array, { random }: Material): Uint8Array {
  return replace(input, random.below(input.length), random.bytes(1));
}

function setNumber(input: Uint8Array, { random }: Material): Uint8Array {
  const number = new Uint8Array(4);
  writeU32(number, 0, random.pick(EDGE_NUMBERS));
  const bytes = number.subarray(random.below(4));
  return replace(input, random.below(input.length), bytes);
}

function deleteSlice(input: Uint8Array, { random }: Material): Uint8Array {
  const at = random.below(input.length);
  return concatBytes([input.subarray(0, at), input.subarray(at + random.below(MAX_SLICE_BYTES))]);
}

function repeatSlice(input: Uint8Array, { random }: Material): Uint8Array {
  const from = random.below(input.length);
  const slice = input.subarray(from, from + random.below(MAX_SLICE_BYTES));
  return insert(input, random.below(input.length + 1), slice);
}

function insertBytes(input: Uint8Array, { random }: Material): Uint8Array {
  return insert(input, random.below(input.length + 1), random.bytes(random.below(MAX_SLICE_BYTES)));
}

function insertToken(input: Uint8Array, { random, tokens }: Material): Uint8Array {
  if (tokens.length === 0) return input;
  return insert(input, random.below(input.length + 1), encodeUtf8(random.pick(tokens)));
}

function cutEnd(input: Uint8Array, { random }: Material): Uint8Array {
  return input.subarray(0, random.below(input.length + 1));
}

function joinAnother(input: Uint8Array, { random, pool }: Material): Uint8Array {
  const other = random.pick(pool);
  const head = input.subarray(0, random.below(input.length + 1));
  return concatBytes([head, other.subarray(random.below(other.length + 1))]);
}

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setByte,
  setNumber,
  deleteSlice,
  repeatSlice,
  insertBytes,
  insertToken,
  cutEnd,
  joinAnother,
];

function replace(input: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  return concatBytes([input.subarray(0, at), bytes, input.subarray(at + bytes.length)]);
}

function insert(input: Uint8Array, at: number, bytes: Uint8Array): Uint8Array {
  return concatBytes([input.subarray(0, at), bytes, input.subarray(at)]);
}
