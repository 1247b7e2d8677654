/**
 * The files of the pages for viewers, embedded as text: nothing is read from disk or fetched,
 * neither when run from source nor when compiled.
 */

import hls from "hls.js/dist/hls.light.min.js" with { type: "text" };
import mpegtsLicence from "mpegts.js/LICENSE" with { type: "text" };
import mpegts from "mpegts.js/dist/mpegts.js" with { type: "text" };
import promiseLicence from "mpegts.js/dist/mpegts.js.LICENSE.txt" with { type: "text" };
import icon from "./console/icon.svg" with { type: "text" };
import controls from "./player/controls.js" with { type: "text" };
import dom from "./pages/dom.js" with { type: "text" };
import engines from "./player/engines.js" with { type: "text" };
import list from "./player/list.js" with { type: "text" };
import listPage from "./player/list.html" with { type: "text" };
import notices from "./player/notices.js" with { type: "text" };
import play from "./player/play.js" with { type: "text" };
import playPage from "./player/play.html" with { type: "text" };
import style from "./player/player.css" with { type: "text" };
import routes from "./player/routes.js" with { type: "text" };
import session from "./player/session.js" with { type: "text" };
import text from "./player/text.js" with { type: "text" };
import stats from "./player/stats.js" with { type: "text" };
import { css, js, type PageAsset, plain, svg } from "./page_asset.ts";

/** The package does not export its licence, which is that of mpegts.js. */
const HLS_LICENCE = `Copyright (c) 2017 Dailymotion (http://www.dailymotion.com)
Parts: Copyright (c) 2013-2015 Brightcove

Licensed under the Apache License, Version 2.0, whose text follows below.
`;

const licences = [
  `hls.js\n\n${HLS_LICENCE}`,
  `mpegts.js\n\n${mpegtsLicence}`,
  `In mpegts.js\n\n${promiseLicence}`,
].join(`\n${"-".repeat(80)}\n\n`);

/** The page at `/`. */
export const LIST_PAGE = listPage;

/** The page at `/play/APP/STREAM`. */
export const PLAY_PAGE = playPage;

/** Files by their name below `/players/`. */
export const PLAYER_ASSETS: ReadonlyMap<string, PageAsset> = new Map([
  ["controls.js", js(controls)],
  ["dom.js", js(dom)],
  ["engines.js", js(engines)],
  ["hls.js", js(hls)],
  ["icon.svg", svg(icon)],
  ["licences.txt", plain(licences)],
  ["list.js", js(list)],
  ["mpegts.js", js(mpegts)],
  ["notices.js", js(notices)],
  ["play.js", js(play)],
  ["player.css", css(style)],
  ["routes.js", js(routes)],
  ["session.js", js(session)],
  ["stats.js", js(stats)],
  ["text.js", js(text)],
]);
