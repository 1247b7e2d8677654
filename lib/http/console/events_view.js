import { byId, create, setText } from "./dom.js";
import { count, printable, streamName } from "./format.js";

const MAX_EVENTS = 100;

/** The list of upstream events, newest first. */
export class EventsView {
  #list = byId("event-list");

  /** @param {import("./upstream_events.js").UpstreamEvent[]} events oldest first */
  add(events) {
    for (const event of events) this.#list.prepend(createEntry(event));
    while (this.#list.childElementCount > MAX_EVENTS) this.#list.lastElementChild.remove();
    byId("events-empty").hidden = this.#list.childElementCount > 0;
  }
}

function createEntry(event) {
  const now = new Date();
  const time = create("time");
  time.dateTime = now.toISOString();
  setText(time, now.toLocaleTimeString("en-GB"));
  return create(
    "li",
    event.type,
    create("div", "row", time, create("span", "name", streamName(event.url))),
    create("div", "route", describeRoute(event)),
    ...(event.type === "switch" ? [create("div", "cost", describeCost(event))] : []),
    ...(event.reason === "" ? [] : [create("div", "muted reason", printable(event.reason))]),
  );
}

const TITLES = {
  pull: "Pull from",
  standby: "Standby from",
  push: "Push to",
  forward: "Forward to",
};

function describeRoute({ type, kind, from, to, switches }) {
  if (type === "failure") return `${TITLES[kind]} ${to} failed`;
  const times = switches === 1 ? "" : ` (${switches} switches)`;
  return from === to ? `Reconnected to ${to}${times}` : `${from || "?"} → ${to}${times}`;
}

function describeCost({ silenceMs, lostFrames, doubledFrames, lostBytes }) {
  const parts = [
    `${count(Math.round(silenceMs))} ms of silence`,
    `${count(lostFrames)} frames lost`,
    `${count(doubledFrames)} doubled`,
  ];
  if (lostBytes > 0) parts.push(`${count(lostBytes)} bytes lost`);
  return parts.join(" · ");
}
