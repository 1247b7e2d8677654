/**
 * The files of the console page, embedded as text: nothing is read from disk or fetched, neither
 * when run from source nor when compiled.
 */

import mpegtsLicence from "mpegts.js/LICENSE" with { type: "text" };
import mpegts from "mpegts.js/dist/mpegts.js" with { type: "text" };
import promiseLicence from "mpegts.js/dist/mpegts.js.LICENSE.txt" with { type: "text" };
import uplotLicence from "uplot/LICENSE" with { type: "text" };
import uplot from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import api from "./console/api.js" with { type: "text" };
import clientsView from "./console/clients_view.js" with { type: "text" };
import style from "./console/console.css" with { type: "text" };
import dom from "./console/dom.js" with { type: "text" };
import eventsView from "./console/events_view.js" with { type: "text" };
import format from "./console/format.js" with { type: "text" };
import icon from "./console/icon.svg" with { type: "text" };
import index from "./console/index.html" with { type: "text" };
import main from "./console/main.js" with { type: "text" };
import playerView from "./console/player_view.js" with { type: "text" };
import plot from "./console/plot.js" with { type: "text" };
import poller from "./console/poller.js" with { type: "text" };
import rates from "./console/rates.js" with { type: "text" };
import streamUrl from "./console/stream_url.js" with { type: "text" };
import streamsView from "./console/streams_view.js" with { type: "text" };
import totalsView from "./console/totals_view.js" with { type: "text" };
import upstreamEvents from "./console/upstream_events.js" with { type: "text" };

/** A file of the page. */
export interface ConsoleAsset {
  readonly contentType: string;
  readonly text: string;
}

const HTML = "text/html; charset=utf-8";
const CSS = "text/css; charset=utf-8";
const JS = "text/javascript; charset=utf-8";
const SVG = "image/svg+xml";
const TEXT = "text/plain; charset=utf-8";

const licences = [
  `mpegts.js\n\n${mpegtsLicence}`,
  `In mpegts.js\n\n${promiseLicence}`,
  `uPlot\n\n${uplotLicence}`,
].join(`\n${"-".repeat(80)}\n\n`);

/** Files by their name below `/console/`. The name of the page itself is empty. */
export const CONSOLE_ASSETS: ReadonlyMap<string, ConsoleAsset> = new Map([
  ["", { contentType: HTML, text: index }],
  ["console.css", { contentType: CSS, text: style }],
  ["icon.svg", { contentType: SVG, text: icon }],
  ["licences.txt", { contentType: TEXT, text: licences }],
  ["mpegts.js", { contentType: JS, text: mpegts }],
  ["uplot.css", { contentType: CSS, text: uplotStyle }],
  ["uplot.js", { contentType: JS, text: uplot }],
  ["api.js", { contentType: JS, text: api }],
  ["clients_view.js", { contentType: JS, text: clientsView }],
  ["dom.js", { contentType: JS, text: dom }],
  ["events_view.js", { contentType: JS, text: eventsView }],
  ["format.js", { contentType: JS, text: format }],
  ["main.js", { contentType: JS, text: main }],
  ["player_view.js", { contentType: JS, text: playerView }],
  ["plot.js", { contentType: JS, text: plot }],
  ["poller.js", { contentType: JS, text: poller }],
  ["rates.js", { contentType: JS, text: rates }],
  ["stream_url.js", { contentType: JS, text: streamUrl }],
  ["streams_view.js", { contentType: JS, text: streamsView }],
  ["totals_view.js", { contentType: JS, text: totalsView }],
  ["upstream_events.js", { contentType: JS, text: upstreamEvents }],
]);
