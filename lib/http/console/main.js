import { fetchConfig, fetchSnapshot } from "./api.js";
import { ClientsView } from "./clients_view.js";
import { byId, setText } from "./dom.js";
import { EventsView } from "./events_view.js";
import { streamName } from "./format.js";
import { PlayerView } from "./player_view.js";
import { Plot } from "./plot.js";
import { Poller } from "./poller.js";
import { RateHistory } from "./rates.js";
import { findStreamUrl } from "./stream_url.js";
import { StreamsView } from "./streams_view.js";
import { TotalsView } from "./totals_view.js";
import { UpstreamTracker } from "./upstream_events.js";

/** Stands in for the vhost of a stream if the API no longer lists it. */
const NO_VHOST = { name: "", mode: "local" };

/** Wires the page: polls the server every two seconds and passes the answers to the views. */
class Console {
  #totals = new TotalsView(byId("totals"));
  #plot = new Plot(byId("plot"), byId("legend"));
  #events = new EventsView();
  #player = new PlayerView();
  #clients;
  #streams;
  #poller;
  #upstreams = new UpstreamTracker();
  #history = new RateHistory();
  /** By stream id. @type {Map<string, RateHistory>} */
  #histories = new Map();
  #select = byId("traffic-select");
  /** `config.json`, or null before it is fetched. @type {any} */
  #config = null;

  constructor() {
    this.#clients = new ClientsView({ onKicked: () => this.#poller.pollNow() });
    this.#streams = new StreamsView({
      onWatch: ({ stream, url }) => this.#player.watch(url, streamName(stream.url)),
      onFilter: (text) => this.#clients.filter(text),
    });
    this.#select.append(new Option("Whole server", ""));
    this.#select.addEventListener("change", () => this.#showPlot());
    this.#poller = new Poller({
      fetch: async () => {
        this.#config ??= await fetchConfig();
        return await fetchSnapshot();
      },
      onAnswer: (snapshot) => this.#show(snapshot),
      onState: (state, since, reason) => {
        // The server may return with another configuration.
        if (state === "unreachable") this.#config = null;
        showState(state, since, reason);
      },
    });
  }

  start() {
    void this.#poller.pollNow();
  }

  #show(snapshot) {
    const flows = this.#findFlows(snapshot);
    this.#addTotals(snapshot);
    setText(byId("version"), snapshot.summary.self.version);
    this.#totals.show({ snapshot, latest: this.#history.latest });
    this.#streams.show(flows, snapshot.streamTotal);
    this.#clients.show(snapshot.clients, snapshot.clientTotal);
    this.#events.add(this.#upstreams.update(snapshot.streams));
    this.#showChoices(flows);
    this.#showPlot();
  }

  #findFlows({ summary, vhosts, streams, clients }) {
    const byStream = Map.groupBy(clients, ({ stream }) => stream);
    const histories = new Map();
    const flows = streams.map((stream) => {
      const vhost = vhosts.find(({ id }) => id === stream.vhost) ?? NO_VHOST;
      const history = this.#histories.get(stream.id) ?? new RateHistory();
      history.add(summary.now_ms, stream.recv_bytes, stream.send_bytes);
      histories.set(stream.id, history);
      return {
        stream,
        vhost,
        clients: byStream.get(stream.id) ?? [],
        rates: history.latest,
        url: findStreamUrl(stream, vhost.name, this.#config.streams, location),
      };
    });
    this.#histories = histories;
    return flows;
  }

  #addTotals({ summary, vhosts }) {
    const sum = (field) => vhosts.reduce((total, vhost) => total + vhost[field], 0);
    this.#history.add(summary.now_ms, sum("recv_bytes"), sum("send_bytes"));
  }

  /** Lists the streams that can be plotted. An unchanged list keeps its elements. */
  #showChoices(flows) {
    const options = [...this.#select.options].slice(1);
    const isSame = options.length === flows.length &&
      flows.every(({ stream }, at) => stream.id === options[at].value);
    if (isSame) return;
    const chosen = this.#select.value;
    for (const option of options) option.remove();
    for (const { stream } of flows) {
      this.#select.append(new Option(streamName(stream.url), stream.id));
    }
    this.#select.value = this.#histories.has(chosen) ? chosen : "";
  }

  #showPlot() {
    this.#plot.show(this.#histories.get(this.#select.value) ?? this.#history);
  }
}

/**
 * @param {"live" | "paused" | "unreachable"} state
 * @param {Date} since
 * @param {string} reason
 */
function showState(state, since, reason) {
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

new Console().start();
