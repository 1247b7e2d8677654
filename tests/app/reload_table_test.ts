/** Every directive of the schema: applied by a running server, or reported with a reason. */

import { startServer } from "../../lib/app/compose.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { SERVER_SETTINGS, VHOST_SETTINGS } from "../../lib/app/setting_table.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import { systemClock } from "../../lib/base/clock.ts";
import type { Config } from "../../lib/config/config.ts";
import type { SettingChange } from "../../lib/config/setting_change.ts";
import { type Entries, type Entry, type Option, ROOT } from "../../lib/config/schema.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { load } from "../config/helpers.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { CertificateAuthority } from "../helpers/certificates.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { netTest } from "../helpers/loopback.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { interFrame, keyframe } from "../helpers/tiny_media.ts";
import { flvOf } from "../helpers/tiny_slate.ts";

/** What is written for directives until one differs from the base: no directive takes them all. */
const CANDIDATES =
  "on off 200ms 7s 9s 7 70 4096 70000 1.5 file debug error json bearer replace hash any auto"
    .split(" ");

/** Another name of a setting. */
const SYNONYMS: Readonly<Record<string, string>> = { "srs_log_level_v2": "srs_log_level" };

/** A directive with values, by the blocks that it stands in. */
interface Row {
  readonly path: readonly string[];
  readonly option: Option<unknown>;
}

function* rowsOf(entries: Entries, path: readonly string[] = []): Generator<Row> {
  for (const [name, entry] of Object.entries<Entry>(entries)) {
    const here = [...path, name];
    if (entry.kind === "option") yield { path: here, option: entry };
    else if (entry.kind !== "unsupported") yield* rowsOf(entry.entries, here);
  }
}

/** Directives by name: the words of each, or a block. */
interface Block {
  readonly [name: string]: string | Block;
}

function render(block: Block): string {
  return Object.entries(block).map(([name, value]) =>
    typeof value === "string" ? `${name} ${value};` : `${name} { ${render(value)} }`
  ).join(" ");
}

/** Returns `block` with a directive set; blocks around it are added. */
function withDirective(block: Block, [name, ...rest]: readonly string[], words: string): Block {
  const key = name === "vhost" && rest.length > 0 && !("mode" in block) ? "vhost v" : name!;
  if (rest.length === 0) return { ...block, [key]: words };
  const child = block[key];
  return { ...block, [key]: withDirective(typeof child === "object" ? child : {}, rest, words) };
}

/** The example of RFC 7517, A.3. */
const JWKS = JSON.stringify({
  keys: [{
    kty: "oct",
    alg: "HS256",
    kid: "1",
    k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
  }],
});

/** A configuration in which every directive is valid, and what may be written for some of them. */
class Base {
  readonly special: Readonly<Record<string, string>>;
  readonly #block: Block;

  /** @param authority file with a certificate @param pair a certificate, and its key */
  constructor(
    folder: string,
    authority: string,
    pair: { readonly cert: string; readonly key: string },
  ) {
    const ports = Array.from({ length: 7 }, () => `127.0.0.1:${freePort()}`);
    const [rtmp, api, web, rtmps, apis, webs, other] = ports;
    Deno.writeTextFileSync(`${folder}/keys`, "");
    Deno.writeFileSync(`${folder}/slate.flv`, flvOf(keyframe(0), interFrame(1_000)));
    Deno.writeTextFileSync(`${folder}/jwks.json`, JWKS);
    Deno.writeTextFileSync(`${folder}/secrets`, `${"s".repeat(32)}\n`);
    const copy = { cert: `${folder}/copy.crt`, key: `${folder}/copy.key` };
    Deno.copyFileSync(pair.cert, copy.cert);
    Deno.copyFileSync(pair.key, copy.key);
    this.special = {
      ...Object.fromEntries(["rtmps", "http_api.https", "http_server.https"].flatMap((block) => [
        [`${block}.listen`, other!],
        [`${block}.cert`, copy.cert],
        [`${block}.key`, copy.key],
      ])),
      "listen": `${rtmp} ${other}`,
      "http_api.listen": other!,
      "http_server.listen": other!,
      "vhost.publish.keys": `${folder}/keys`,
      "vhost.play.fallback": `${folder}/slate.flv`,
      "vhost.play.sign_secret_file": `${folder}/secrets`,
      "vhost.publish.sign_secret_file": `${folder}/secrets`,
      "vhost.play.jwt_keys": `${folder}/jwks.json`,
      "vhost.publish.jwt_keys": `${folder}/jwks.json`,
      "vhost.cluster.mode": "local",
      "vhost.cluster.tls_ca": authority,
      "vhost.hls.hls_path": `${folder}/elsewhere`,
      "vhost.hls.hls_m3u8_file": "[app]/[stream]/index.m3u8",
      "vhost.hls.hls_ts_file": "[app]/[stream]/[seq].ts",
      "vhost.dvr.dvr_apply": "live/show",
      "vhost.dvr.dvr_plan": "segment",
      "vhost.dvr.dvr_path": `${folder}/[stream].mp4`,
      "vhost.http_hooks.callback_format": "form",
      "vhost.http_remux.mount": "/[app]/flv/[stream].flv",
    };
    const auth = { enabled: "on", username: "u", password: "p", token: "t" };
    this.#block = {
      "listen": rtmp!,
      "rtmps": { listen: rtmps!, ...pair },
      "http_api": { enabled: "on", listen: api!, auth, https: { listen: apis!, ...pair } },
      "http_server": {
        enabled: "on",
        listen: web!,
        dir: `${folder}/files`,
        https: { listen: webs!, ...pair },
      },
      "vhost v": { hls: { hls_path: `${folder}/files` } },
    };
  }

  /** Returns the configuration for a directive, with `words` for it or without it. */
  config(path: readonly string[], words?: string): Config {
    const isEdge = path[1] === "cluster";
    const cluster = { mode: "remote", origin: "192.0.2.1" };
    const block = isEdge ? { ...this.#block, "vhost v": { cluster } } : this.#block;
    return load(render(words === undefined ? block : withDirective(block, path, words))).config;
  }

  /** Returns a valid configuration in which the directive differs from {@linkcode config}. */
  changed({ path, option }: Row): Config {
    const key = path.join(".");
    const special = this.special[key];
    const examples = option.hasDefault ? [] : [option.words.join(" ")];
    const before = readingOf(this.config(path), path);
    for (const words of special === undefined ? [...examples, ...CANDIDATES] : [special]) {
      try {
        const config = this.config(path, words);
        if (readingOf(config, path) !== before) return config;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
      }
    }
    throw new Error(`No candidate is another value of ${key}; add one to CANDIDATES or to special`);
  }
}

/** The setting of a directive, as it is compared. */
function readingOf(config: Config, path: readonly string[]): string {
  const key = SYNONYMS[path.join(".")] ?? path.join(".");
  if (path[0] !== "vhost") return SERVER_SETTINGS[key]!(config);
  return VHOST_SETTINGS[key.slice("vhost.".length)]!(config.vhosts.get("v")!);
}

const granted = await needs("write", "run");

netTest(
  "every directive is applied by a running server, or reported with the reason for a restart",
  () =>
    inTempDirectory(async (folder) => {
      if (granted.ignore) return;
      const authority = await CertificateAuthority.create(folder);
      const base = new Base(folder, authority.file, await authority.issue({ name: "server" }));
      const server = startServer(base.config([]), {
        network: denoNetwork,
        clock: systemClock,
        logger: new CollectedLog().logger,
        createHttp: createHttpListeners,
      });
      await using _stack = { [Symbol.asyncDispose]: () => server.stop() };
      const counts = { live: 0, restart: 0 };
      for (const row of rowsOf(ROOT)) {
        const key = row.path.join(".");
        await server.apply(base.config(row.path));
        const next = base.changed(row);
        const before = readingOf(server.config, row.path);
        const { applied, needsRestart, failures } = await server.apply(next);
        assertEquals(failures, [], key);
        const change = find([...applied, ...needsRestart], row.path);
        assert(change !== undefined, `${key} is neither applied nor waits for a restart`);
        const now = readingOf(server.config, row.path);
        if (change.how === "live") {
          assertEquals(now, readingOf(next, row.path), `${key} is in force`);
        } else {
          assertEquals(now, before, `${key} is as before`);
          assert(change.note.length > 10, `${key} says why`);
        }
        counts[change.how]++;
      }
      assertEquals(counts.restart, 6);
      assert(counts.live > 90, `${counts.live}`);
    }),
);

function find(changes: readonly SettingChange[], path: readonly string[]) {
  const key = SYNONYMS[path.join(".")] ?? path.join(".");
  const wanted = path[0] === "vhost" ? `vhost v ${key.slice("vhost.".length)}` : key;
  return changes.find(({ path }) => path === wanted);
}
