import { duration, streamName } from "./format.js";
import { ListView } from "./list_view.js";
import { createButton, setAttribute } from "./widgets.js";

/**
 * The table of addresses that are refused.
 *
 * @param {{
 *   refine: (change: Record<string, string>) => void,
 *   onLift: (ban: any) => void,
 * }} actions
 */
export function createBansView({ refine, onLift }) {
  return new ListView({
    name: "bans",
    none: "No address is banned. Kicking a client offers it, too.",
    refine,
    table: {
      keyOf: ({ ip }) => ip,
      columns: [
        ...COLUMNS,
        {
          ...{ title: "Action", className: "action unnamed" },
          create: (first) => createLift(first, onLift),
        },
      ],
    },
  });
}

const COLUMNS = [
  { title: "Address", className: "ip", text: ({ ip }) => ip },
  { title: "Kicked", className: "id", hint: "The client", text: ({ client }) => client },
  { title: "Stream", className: "stream", text: ({ url }) => streamName(url) },
  {
    ...{ title: "Time left", className: "age", isNumber: true },
    text: ({ seconds }) => duration(seconds),
  },
];

function createLift(first, onLift) {
  let ban = first;
  const button = createButton("Lift", () => onLift(ban), "small");
  setAttribute(button, "aria-label", `Lift the ban of ${first.ip}`);
  return {
    content: [button],
    update: (now) => {
      ban = now;
    },
  };
}
