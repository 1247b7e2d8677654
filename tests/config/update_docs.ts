/**
 * Writes the generated files: `conf/full.conf`, `conf/full.toml` and the tables of
 * `docs/configuration.md`. Run it with `deno task docs`.
 */

import { DOC_MARKS, renderDocTables, renderFullConf, renderFullToml } from "./config_reference.ts";

const root = new URL("../../", import.meta.url);
const doc = new URL("docs/configuration.md", root);

Deno.writeTextFileSync(new URL("conf/full.conf", root), renderFullConf());
Deno.writeTextFileSync(new URL("conf/full.toml", root), renderFullToml());

const text = Deno.readTextFileSync(doc);
const begin = text.indexOf(DOC_MARKS[0]);
const end = text.indexOf(DOC_MARKS[1]) + DOC_MARKS[1].length;
Deno.writeTextFileSync(doc, text.slice(0, begin) + renderDocTables() + text.slice(end));
