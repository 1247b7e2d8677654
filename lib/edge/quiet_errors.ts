import { OVERTAKEN } from "../upstream/origin_loop.ts";
import { NO_REQUEST } from "./ask_in_turn.ts";

/** The stream is pushed to the origin. */
export const AVOIDED = new Error("The stream is pushed there");

/** The active origin works, but shall be left. */
export const MOVING = new Error("The pull moves");

/** The origin is the silent one that is to be left. It was not asked. */
export const STILL_SILENT = new Error("Still silent");

/** Too many streams dial because the origin is silent. */
export const PACED = new Error("Too many streams dial now");

/** Whether an error of an attempt says nothing of the origin. */
export function isQuiet(error: unknown): boolean {
  return error === AVOIDED || error === PACED || error === MOVING || error === NO_REQUEST ||
    error === OVERTAKEN;
}
