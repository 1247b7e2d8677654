import { byId, setText } from "../pages/dom.js";
import { duration, plural } from "./format.js";

/**
 * Says whether the server answers.
 *
 * @param {import("./poller.js").State} state
 * @param {Date} since
 * @param {string} reason
 */
export function showState(state, since, reason) {
  const status = byId("status");
  const banner = byId("banner");
  const time = since.toLocaleTimeString("en-GB");
  const isStale = state === "unreachable" || state === "refused";
  const texts = {
    live: "Live",
    paused: "Paused",
    unreachable: "Unreachable",
    refused: "Logged out",
  };
  status.className = `status ${isStale ? "unreachable" : state}`;
  setText(status, texts[state]);
  document.body.classList.toggle("stale", isStale);
  banner.hidden = !isStale;
  const banners = {
    unreachable: `No answer from the server since ${time}: ${reason}`,
    refused: `The password has changed; reload this page to log in (${reason})`,
  };
  setText(banner, banners[state] ?? "");
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
  const phase = drain.phase === "accepting" ? "accepting those that wait" : drain.phase;
  setText(note, `Draining, ${phase}: ${left.join(", ")} left, ${rest} at most`);
}
