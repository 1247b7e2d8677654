import { create, setText } from "../pages/dom.js";
import { describeFields, printable, timeOfDay } from "./format.js";
import { ListView } from "./list_view.js";

const LEVELS = { info: "info", warning: "warning", error: "error" };

/**
 * The newest lines of the log, newest first.
 *
 * @param {(change: Record<string, string>) => void} refine
 */
export function createEventsView(refine) {
  return new ListView({
    name: "events",
    none: "No events yet.",
    refine,
    table: {
      keyOf: ({ id }) => String(id),
      classOf: ({ level }) => level,
      columns: [
        {
          ...{ title: "Time", className: "time" },
          text: ({ time_ms: ms }) => timeOfDay(ms),
        },
        { title: "Level", className: "level", text: ({ level }) => LEVELS[level] ?? level },
        {
          ...{ title: "About", className: "about" },
          text: ({ layer, about }) => about === "" ? layer : `${layer} ${about}`,
        },
        { title: "Event", className: "event", create: createEventCell },
      ],
    },
  });
}

function createEventCell() {
  const message = create("span", "message");
  const fields = create("span", "muted");
  return {
    content: [message, " ", fields],
    update(event) {
      setText(message, printable(event.message));
      setText(fields, describeFields(event.fields));
    },
  };
}
