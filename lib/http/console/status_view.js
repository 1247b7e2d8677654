import { byId, setText } from "../pages/dom.js";
import { duration, plural } from "./format.js";

/**
 * Says whether the server answers.
 *
 * @param {"live" | "paused" | "unreachable"} state
 * @param {Date} since
 * @param {string} reason
 */
export function showState(state, since, reason) {
  const status = byId("status");
  const banner = byId("banner");
  const time = since.toLocaleTimeString("en-GB");
  const texts = { live: "Live", paused: "Paused", unreachable: "Unreachable" };
  status.className = `status ${state}`;
  setText(status, texts[state]);
  document.body.classList.toggle("stale", state === "unreachable");
  banner.hidden = state !== "unreachable";
  setText(
    banner,
    state === "unreachable" ? `No answer from the server since ${time}: ${reason}` : "",
  );
}

/** Says how far a drain is. @param {any} drain of the API; null when the server does not drain */
export function showDrain(drain) {
  const note = byId("drain-note");
  note.hidden = drain === null;
  byId("drain").disabled = drain !== null;
  if (drain === null) return setText(note, "");
  const left = [
    plural(drain.publishers, "publisher"),
    plural(drain.players, "player"),
    plural(drain.viewers, "HTTP viewer"),
  ];
  const rest = duration(Math.max(0, drain.remaining_ms) / 1000);
  setText(note, `Draining, ${drain.phase}: ${left.join(", ")} left, ${rest} at most`);
}
