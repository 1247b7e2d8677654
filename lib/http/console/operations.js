/** What an operator can do, each as a question with what it does. */

import { banAddress, drain, kick, kickAll, liftBan, reload } from "./api.js";
import { nameClients } from "./clients_view.js";
import { count, plural, streamName } from "./format.js";

/** @typedef {import("./dialog.js").Question} Question */

/** @type {[string, string][]} */
const BAN_TIMES = [
  ["60", "for a minute"],
  ["600", "for 10 minutes"],
  ["3600", "for an hour"],
  ["86400", "for a day"],
];

/** @type {import("./dialog.js").Field} */
const BAN = {
  name: "ban",
  label: "Refuse the address",
  choices: [["", "no: it may connect again"], ...BAN_TIMES],
};

/**
 * @param {any[]} clients
 * @param {() => void} onDone
 * @returns {Question}
 */
export function kickQuestion(clients, onDone) {
  const [first] = clients;
  return {
    title: `Kick ${nameClients(clients)}?`,
    text: clients.length === 1
      ? `${first.ip}, ${streamName(first.url)}`
      : clients.map(({ id }) => id).join(", "),
    action: "Kick",
    fields: [BAN],
    async act({ ban }) {
      const results = await Promise.all(clients.map(({ id }) => kick(id, ban)));
      onDone();
      const gone = results.filter((isKicked) => !isKicked).length;
      return gone === 0 ? [] : [`${plural(gone, "client")} had left already.`];
    },
  };
}

/**
 * @param {Record<string, string>} query selects the clients
 * @param {number} total how many it selects now
 * @param {() => void} onDone
 * @returns {Question}
 */
export function kickAllQuestion({ search, stream, type }, total, onDone) {
  const conditions = [
    stream === "" ? "" : `of ${streamName(stream)}`,
    type === "" ? "" : `of type ${type}`,
    search === "" ? "" : `with “${search}” in them`,
  ];
  return {
    title: `Kick all ${count(total)} clients found?`,
    text: `All clients ${conditions.filter((text) => text !== "").join(", ")}, on every page.`,
    action: `Kick ${count(total)}`,
    fields: [BAN],
    async act({ ban }) {
      const kicked = await kickAll({ search, stream, type }, ban);
      onDone();
      return [`${plural(kicked, "client")} kicked.`];
    },
  };
}

/**
 * @param {() => void} onDone
 * @returns {Question}
 */
export function banQuestion(onDone) {
  return {
    title: "Ban an address?",
    text: "Its clients are closed, and no client behind it may play or publish.",
    action: "Ban",
    fields: [
      { name: "ip", label: "IP address", placeholder: "203.0.113.9" },
      { name: "seconds", label: "Refuse it", choices: BAN_TIMES },
    ],
    async act({ ip, seconds }) {
      const kicked = await banAddress(ip.trim(), seconds);
      onDone();
      return kicked === 0 ? [] : [`${plural(kicked, "client")} closed.`];
    },
  };
}

/**
 * @param {any} ban
 * @param {() => void} onDone
 * @returns {Question}
 */
export function liftQuestion({ ip, client, url }, onDone) {
  const kicked = client === "" ? "" : ` Kicked: ${client}, ${streamName(url)}`;
  return {
    title: `Lift the ban of ${ip}?`,
    text: `It may play and publish again at once.${kicked}`,
    action: "Lift",
    fields: [],
    async act() {
      const isLifted = await liftBan(ip);
      onDone();
      return isLifted ? [] : ["The ban had ended already."];
    },
  };
}

/** @returns {Question} */
export function reloadQuestion() {
  return {
    title: "Load the configuration again?",
    text: "Clients stay. What cannot change in a running server is listed.",
    action: "Reload",
    fields: [],
    async act() {
      const { code, data } = await reload();
      if (data?.problems !== undefined) {
        return ["Not applied: nothing has changed.", ...data.problems];
      }
      const { applied, needs_restart: later, warnings, failures } = data;
      const lines = [
        ...applied.map((change) => `Applied: ${describeChange(change)}`),
        ...later.map((change) => `Needs a restart: ${describeChange(change)}`),
        ...warnings,
        ...failures,
      ];
      if (lines.length > 0) return lines;
      return [code === 0 ? "Nothing has changed." : `The server answered with code ${code}.`];
    },
  };
}

function describeChange({ directive, from, to, note }) {
  const why = note === "" ? "" : ` (${note})`;
  return `${directive}: ${from || "–"} → ${to || "–"}${why}`;
}

/**
 * @param {() => void} onDone
 * @returns {Question}
 */
export function drainQuestion(onDone) {
  return {
    title: "Drain and stop this server?",
    text:
      "It accepts no new clients, asks those that can to connect again, and stops when the last " +
      "one has left or the time is over.",
    action: "Drain and stop",
    fields: [
      {
        name: "timeout",
        label: "Wait at most",
        choices: [
          ["", "as configured (drain_timeout)"],
          ["30s", "30 seconds"],
          ["5m", "5 minutes"],
          ["60m", "an hour"],
        ],
      },
      { name: "tcUrl", label: "Send clients to", placeholder: "rtmp://HOST, or nothing" },
    ],
    async act({ timeout, tcUrl }) {
      await drain({ timeout, tcUrl });
      onDone();
      return [];
    },
  };
}
