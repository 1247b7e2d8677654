import { fetchConfig, fetchList, fetchStream, fetchSummary, fetchVhosts } from "./api.js";
import { createBansView } from "./bans_view.js";
import { ClientsView } from "./clients_view.js";
import { DetailView } from "./detail_view.js";
import { ConfirmDialog } from "./dialog.js";
import { byId, setText } from "../pages/dom.js";
import { createEdgesView } from "./edges_view.js";
import { createEventsView } from "./events_view.js";
import { count } from "./format.js";
import { listenToKeys } from "./keyboard.js";
import {
  banQuestion,
  drainQuestion,
  kickAllQuestion,
  kickQuestion,
  liftQuestion,
  reloadQuestion,
} from "./operations.js";
import { PAGE_ROWS, Pager } from "./pager.js";
import { PlayerView } from "./player_view.js";
import { Poller } from "./poller.js";
import { RateHistory, StreamHistories } from "./rates.js";
import { PageState, VIEWS } from "./state.js";
import { showDrain, showState } from "./status_view.js";
import { findStreamUrl } from "./stream_url.js";
import { createStreamsView } from "./streams_view.js";
import { TotalsView } from "./totals_view.js";
import { TrafficView } from "./traffic_view.js";
import { createUpstreamsView } from "./upstreams_view.js";
import { setAttribute } from "./widgets.js";

/** What changes seldom, such as lengths of lists that are not shown, is asked for so seldom. */
const SELDOM_MS = 10_000;

/** Publishers of a stream that are shown: one, and one that stands by. */
const MAX_PUBLISHERS = 4;

/** Wires the page: asks the server for what is shown, and passes the answers to the views. */
class Console {
  #state = new PageState(() => this.#onChange());
  #totals = new TotalsView();
  #traffic = new TrafficView();
  #player = new PlayerView();
  #dialog = new ConfirmDialog();
  #pager = new Pager(byId("pager"), (start) => this.#state.refine(this.#state.view, { start }));
  #detail;
  #views;
  #poller;
  #history = new RateHistory();
  #histories = new StreamHistories();
  #search = byId("search");
  /** What is asked for seldom. */
  #seldom = { timeMs: -SELDOM_MS, search: "", config: null, totals: {} };

  constructor() {
    const refine = (view) => (change) => this.#state.refine(view, change);
    const pollNow = () => void this.#poller.pollNow();
    this.#views = {
      streams: createStreamsView({
        refine: refine("streams"),
        onSelect: (streamId) => this.#select(streamId),
        historyOf: (id) => this.#histories.of(id),
        selectedId: () => this.#state.streamId,
      }),
      clients: new ClientsView({
        refine: refine("clients"),
        onKick: (clients) => this.#dialog.ask(kickQuestion(clients, pollNow)),
        onKickFound: (query, total) => this.#dialog.ask(kickAllQuestion(query, total, pollNow)),
      }),
      upstreams: createUpstreamsView(refine("upstreams")),
      edges: createEdgesView(refine("edges")),
      events: createEventsView(refine("events")),
      bans: createBansView({
        refine: refine("bans"),
        onLift: (ban) => this.#dialog.ask(liftQuestion(ban, pollNow)),
      }),
    };
    this.#detail = new DetailView({
      onClose: () => this.#select(""),
      onWatch: (url, name) => this.#player.watch(url, name),
      onClients: (stream) => this.#state.refine("clients", { stream }),
      onEvents: (search) => this.#state.set({ view: "events", search }),
    });
    this.#poller = new Poller({
      fetch: (signal) => this.#ask(signal),
      onAnswer: (answer) => this.#show(answer),
      onState: (state, since, reason) => {
        // The server may return with another configuration.
        if (state === "unreachable" || state === "refused") this.#seldom.timeMs = -SELDOM_MS;
        showState(state, since, reason);
      },
    });
    this.#listen(pollNow);
  }

  start() {
    this.#onChange();
  }

  #listen(pollNow) {
    this.#search.addEventListener("input", () => this.#state.type(this.#search.value.trim()));
    byId("reload").addEventListener("click", () => this.#dialog.ask(reloadQuestion()));
    byId("ban").addEventListener("click", () => this.#dialog.ask(banQuestion(pollNow)));
    byId("drain").addEventListener("click", () => this.#dialog.ask(drainQuestion(pollNow)));
    for (const view of VIEWS) {
      byId(`tab-${view}`).addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        // The link alone would forget what is searched for, and the selected stream.
        event.preventDefault();
        this.#state.set({ view });
      });
    }
    listenToKeys({
      onSearch: () => {
        this.#search.focus();
        this.#search.select();
      },
      onView: (view) => this.#state.set({ view }),
      onClose: () => this.#select(""),
    });
  }

  /** @param {string} streamId */
  #select(streamId) {
    this.#state.set({ streamId });
    if (streamId !== "") byId("detail").scrollIntoView({ block: "nearest" });
  }

  #onChange() {
    const { view, search } = this.#state;
    for (const name of VIEWS) {
      byId(name).hidden = name !== view;
      setAttribute(byId(`tab-${name}`), "aria-current", name === view ? "page" : null);
    }
    if (this.#search.value.trim() !== search) this.#search.value = search;
    void this.#poller.pollNow();
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const { view, search, streamId } = this.#state;
    const query = this.#state.queryOf(view);
    const list = { ...DEFAULT_QUERIES[view], ...query };
    // First and alone: a server that refuses it would count each of the others as a failed login.
    const summary = await fetchSummary(signal);
    const [vhosts, { items, total }, selected, seldom] = await Promise.all([
      fetchVhosts(signal),
      fetchList(view, { ...list, search, count: PAGE_ROWS }, signal),
      streamId === "" ? null : fetchSelected(streamId, signal),
      this.#askSeldom(view, search, signal),
    ]);
    const shown = { items, total, query: list, search };
    return { view, list: shown, summary, vhosts, selected, seldom };
  }

  /** Where streams are served, and how many entries the lists have that are not shown. */
  async #askSeldom(shown, search, signal) {
    const last = this.#seldom;
    const timeMs = performance.now();
    if (timeMs - last.timeMs < SELDOM_MS && search === last.search) return last;
    const [{ streams: config }, ...totals] = await Promise.all([
      fetchConfig(),
      ...VIEWS.map(async (view) => {
        if (view === shown) return [view, undefined];
        const { total } = await fetchList(view, { search, count: 0 }, signal);
        return [view, total];
      }),
    ]);
    return { timeMs, search, config, totals: Object.fromEntries(totals) };
  }

  #show({ view, list, summary, vhosts, selected, seldom }) {
    this.#seldom = seldom;
    seldom.totals[view] = list.total;
    const { now_ms: nowMs, audience } = summary;
    const sum = (field) => vhosts.reduce((total, vhost) => total + vhost[field], 0);
    const gauges = { viewers: audience.players, lag: audience.lag_ms };
    this.#history.add(nowMs, sum("recv_bytes"), sum("send_bytes"), gauges);
    const streams = view === "streams" ? list.items : [];
    for (const stream of streams) this.#histories.add(stream);
    this.#histories.prune(nowMs);
    setText(byId("version"), summary.self.version);
    showDrain(summary.drain);
    this.#totals.show({ summary, streams: sum("streams"), latest: this.#history.latest });
    for (const name of VIEWS) {
      const total = seldom.totals[name];
      setText(byId(`total-${name}`), total === undefined ? "" : count(total));
    }
    this.#pager.show(Number(list.query.start ?? 0), list.items.length, list.total);
    this.#views[view].show(list);
    this.#showDetail(selected, vhosts);
  }

  #showDetail(selected, vhosts) {
    if (selected === null) {
      this.#detail.show(null);
      return this.#traffic.show(this.#history);
    }
    const { stream, publishers } = selected;
    const { config } = this.#seldom;
    this.#histories.add(stream);
    const history = this.#histories.of(stream.id);
    const vhost = vhosts.find(({ id }) => id === stream.vhost)?.name ?? "";
    const url = findStreamUrl(stream, vhost, config, location);
    this.#detail.show({ stream, publishers, rates: history.latest, url });
    this.#traffic.show(history);
  }
}

/** What lists are like until the user chooses something else. */
const DEFAULT_QUERIES = {
  streams: { sort: "name" },
  clients: {},
  upstreams: {},
  edges: {},
  events: {},
};

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<{ stream: any, publishers: any[] } | null>} null when the stream is gone
 */
async function fetchSelected(id, signal) {
  const stream = await fetchStream(id, signal);
  if (stream === null) return null;
  const query = { stream: stream.url, type: "fmle-publish", count: MAX_PUBLISHERS };
  const { items } = await fetchList("clients", query, signal);
  return { stream, publishers: items };
}

new Console().start();
