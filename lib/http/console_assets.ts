import mpegtsLicence from "mpegts.js/LICENSE" with { type: "text" };
import mpegts from "mpegts.js/dist/mpegts.js" with { type: "text" };
import promiseLicence from "mpegts.js/dist/mpegts.js.LICENSE.txt" with { type: "text" };
import uplotLicence from "uplot/LICENSE" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import api from "./console/api.js" with { type: "text" };
import bansView from "./console/bans_view.js" with { type: "text" };
import clientsView from "./console/clients_view.js" with { type: "text" };
import style from "./console/console.css" with { type: "text" };
import detailView from "./console/detail_view.js" with { type: "text" };
import diagram from "./console/diagram.js" with { type: "text" };
import dialog from "./console/dialog.js" with { type: "text" };
import edgesView from "./console/edges_view.js" with { type: "text" };
import eventsView from "./console/events_view.js" with { type: "text" };
import format from "./console/format.js" with { type: "text" };
import icon from "./console/icon.svg" with { type: "text" };
import index from "./console/index.html" with { type: "text" };
import keyboard from "./console/keyboard.js" with { type: "text" };
import listView from "./console/list_view.js" with { type: "text" };
import listStyle from "./console/lists.css" with { type: "text" };
import main from "./console/main.js" with { type: "text" };
import operations from "./console/operations.js" with { type: "text" };
import pager from "./console/pager.js" with { type: "text" };
import playerView from "./console/player_view.js" with { type: "text" };
import plot from "./console/plot.js" with { type: "text" };
import poller from "./console/poller.js" with { type: "text" };
import rates from "./console/rates.js" with { type: "text" };
import sparkline from "./console/sparkline.js" with { type: "text" };
import state from "./console/state.js" with { type: "text" };
import statusView from "./console/status_view.js" with { type: "text" };
import streamUrl from "./console/stream_url.js" with { type: "text" };
import streamsView from "./console/streams_view.js" with { type: "text" };
import table from "./console/table.js" with { type: "text" };
import totalsView from "./console/totals_view.js" with { type: "text" };
import trafficView from "./console/traffic_view.js" with { type: "text" };
import upstreamsView from "./console/upstreams_view.js" with { type: "text" };
import widgets from "./console/widgets.js" with { type: "text" };
import dom from "./pages/dom.js" with { type: "text" };
import { css, html, js, type PageAsset, plain, svg } from "./page_asset.ts";

const licences = [
  `mpegts.js\n\n${mpegtsLicence}`,
  `In mpegts.js\n\n${promiseLicence}`,
  `uPlot\n\n${uplotLicence}`,
].join(`\n${"-".repeat(80)}\n\n`);

/**
 * The files of the console page by their name below `/console/`; the name of the page itself is
 * empty. They are embedded as text: nothing is read from disk or fetched, neither when run from
 * source nor when compiled.
 */
export const CONSOLE_ASSETS: ReadonlyMap<string, PageAsset> = new Map([
  ["", html(index)],
  ["console.css", css(style)],
  ["lists.css", css(listStyle)],
  ["icon.svg", svg(icon)],
  ["licences.txt", plain(licences)],
  ["mpegts.js", js(mpegts)],
  ["uplot.css", css(uplotStyle)],
  ["uplot.js", js(uplot)],
  ["api.js", js(api)],
  ["bans_view.js", js(bansView)],
  ["clients_view.js", js(clientsView)],
  ["detail_view.js", js(detailView)],
  ["diagram.js", js(diagram)],
  ["dialog.js", js(dialog)],
  ["dom.js", js(dom)],
  ["edges_view.js", js(edgesView)],
  ["events_view.js", js(eventsView)],
  ["format.js", js(format)],
  ["keyboard.js", js(keyboard)],
  ["list_view.js", js(listView)],
  ["main.js", js(main)],
  ["operations.js", js(operations)],
  ["pager.js", js(pager)],
  ["player_view.js", js(playerView)],
  ["plot.js", js(plot)],
  ["poller.js", js(poller)],
  ["rates.js", js(rates)],
  ["sparkline.js", js(sparkline)],
  ["state.js", js(state)],
  ["status_view.js", js(statusView)],
  ["stream_url.js", js(streamUrl)],
  ["streams_view.js", js(streamsView)],
  ["table.js", js(table)],
  ["totals_view.js", js(totalsView)],
  ["traffic_view.js", js(trafficView)],
  ["upstreams_view.js", js(upstreamsView)],
  ["widgets.js", js(widgets)],
]);
