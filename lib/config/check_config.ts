/** Checks that involve more than one directive. They report problems and change nothing. */

import { isLoopback } from "./address.ts";
import { checkListeners } from "./check_listeners.ts";
import { type Config, DEFAULT_VHOST, type HttpApiConfig, type HttpAuthConfig } from "./config.ts";
import { type Directive, findDirective, type Position } from "./directive.ts";
import { nearestName } from "./nearest.ts";
import type { ProblemList } from "./problem_list.ts";
import type { VhostValues } from "./schema.ts";
import { syntaxOf } from "./syntax.ts";
import { vhostNameOf } from "./vhost_name.ts";

/** Checks `config`, which was built from `directives`, all directives of `file`. */
export function checkConfig(
  directives: readonly Directive[],
  file: string,
  config: Config,
  problems: ProblemList,
): void {
  requireListen(directives, file, problems);
  if (findDirective(directives, "vhost") === undefined) warnNoVhost(file, problems);
  const api = findDirective(directives, "http_api");
  if (api !== undefined && config.httpApi.enabled) checkHttpApi(api, config.httpApi, problems);
  checkListeners(directives, config, problems);
  if (!config.httpServer.enabled) warnUnserved(directives, config, problems);
}

/** Checks the values of one vhost. */
export function checkVhost(vhost: Directive, values: VhostValues, problems: ProblemList): void {
  checkOrigins(vhost, values, problems);
  const { cluster, hls, dvr, http_remux: remux, security } = values;
  if (cluster.retry_min > cluster.retry_max) {
    const at = findIn(vhost, "cluster", "retry_max") ?? findIn(vhost, "cluster", "retry_min");
    problems.error(at ?? vhost, 'Directive "retry_min" is above "retry_max"', "raise retry_max");
  }
  if (hls.enabled && cluster.mode === "remote") {
    const what = "HLS has no effect in an edge vhost, which has streams only while players watch";
    const fix = "enable it on the origin and put an HTTP cache here, see docs/hls-edge.md";
    problems.warn(findIn(vhost, "hls", "enabled") ?? vhost, what, fix);
  }
  if (dvr.enabled && cluster.mode === "remote") {
    const what = "An edge vhost records nothing: it has streams only while players watch";
    problems.warn(findIn(vhost, "dvr", "enabled") ?? vhost, what, "enable dvr on the origin");
  }
  checkForward(vhost, values, problems);
  const { jwt_keys: jwtKeys, sign_secret: secrets, sign_secret_file: secretFile } = values.play;
  if (hls.enabled && jwtKeys !== "" && secrets.length === 0 && secretFile === "") {
    const what = "HLS segments are open to everyone: tokens are checked for playlists only";
    const fix = "add sign_secret_file to play, which signs the segments for those with a playlist";
    problems.warn(findIn(vhost, "play", "jwt_keys") ?? vhost, what, fix);
  }
  if (remux.enabled && !/\.(?:flv|ts)$/.test(remux.mount)) {
    const what = "HTTP serves streams as FLV or TS only, so this vhost serves none";
    const fix = "end the mount in .flv or .ts";
    problems.warn(findIn(vhost, "http_remux", "mount") ?? vhost, what, fix);
  }
  if (remux.enabled && hls.enabled && cluster.mode === "local" && remux.mount.endsWith(".ts")) {
    const what =
      "HLS segments cannot be reached: http_remux serves streams at paths that end in .ts";
    const fix = "end the mount in .flv, or give it a folder such as /ts/[app]/[stream].ts";
    problems.warn(findIn(vhost, "http_remux", "mount") ?? vhost, what, fix);
  }
  const rule = findIn(vhost, "security", "allow") ?? findIn(vhost, "security", "deny");
  if (security.enabled && rule === undefined) {
    const example = syntaxOf(vhost.file).option("allow", ["play", "all"]);
    const what = "Security is enabled without rules, so every client is refused";
    const at = findIn(vhost, "security", "enabled") ?? vhost;
    problems.warn(at, what, `add rules such as ${example}`);
  }
}

function requireListen(
  directives: readonly Directive[],
  file: string,
  problems: ProblemList,
): void {
  if (findDirective(directives, "listen") !== undefined) return;
  const example = syntaxOf(file).option("listen", ["1935"]);
  problems.error(wholeFile(file), 'Directive "listen" is missing', `add ${example}`);
}

function warnNoVhost(file: string, problems: ProblemList): void {
  const example = syntaxOf(file).block(["vhost"]).replace("NAME", DEFAULT_VHOST);
  const what = "No vhost is defined, so every client is refused";
  problems.warn(wholeFile(file), what, `add ${example}`);
}

function checkHttpApi(
  block: Directive,
  { listen, auth }: HttpApiConfig,
  problems: ProblemList,
): void {
  if (auth.enabled) return checkAuth(block, auth, problems);
  const written = findDirective(block.children ?? [], "listen");
  const at = written ?? block;
  const bare = written === undefined ? String(listen[0]!.port) : bareWordOf(written);
  if (!listen.every(({ hostname }) => isLoopback(hostname))) {
    const what = "The API has no password, so other machines can close clients through it";
    problems.warn(at, what, "enable auth, or listen on 127.0.0.1");
  } else if (bare !== undefined) {
    const what = `The API has no password, so port ${bare} is open to this machine only`;
    const fix = `enable auth to open it to others, or write 127.0.0.1:${bare} if that is intended`;
    problems.warn(at, what, fix);
  }
}

function checkAuth(
  block: Directive,
  { type, username, password, token }: HttpAuthConfig,
  problems: ProblemList,
): void {
  const at = findDirective(block.children ?? [], "auth") ?? block;
  const syntax = syntaxOf(block.file);
  const example = (name: string, value: string) => syntax.option(name, [value]);
  if (type === "bearer" && token === "") {
    const what = "Authentication of type bearer needs a token";
    problems.error(at, what, `add ${example("token", "secret")} in it`);
  } else if (type === "basic" && (username === "" || password === "" || username.includes(":"))) {
    const what = "Authentication needs a user name without a colon, and a password";
    const fix = `add ${example("username", "admin")} and ${example("password", "secret")} in it`;
    problems.error(at, what, fix);
  }
}

/** Returns the first port of `listen` that is written without an address. */
function bareWordOf({ args }: Directive): string | undefined {
  return args.find(({ text }) => /^:?\d+$/.test(text))?.text.replace(":", "");
}

/** Warns about `http_remux` without `http_server`, which serves it. */
function warnUnserved(
  directives: readonly Directive[],
  { vhosts }: Config,
  problems: ProblemList,
): void {
  for (const { name, args, children, file } of directives) {
    const remux = findDirective(children ?? [], "http_remux");
    if (name !== "vhost" || remux === undefined) continue;
    if (vhosts.get(vhostNameOf(args[0]?.text ?? ""))?.httpRemux.enabled !== true) continue;
    const syntax = syntaxOf(file);
    const what = "HTTP-FLV has no effect without an HTTP server";
    const fix = `write ${syntax.option("enabled", ["on"])} in ${syntax.block(["http_server"])}`;
    problems.warn(remux, what, fix);
  }
}

function checkOrigins(
  vhost: Directive,
  { enabled, cluster }: VhostValues,
  problems: ProblemList,
): void {
  const syntax = syntaxOf(vhost.file);
  const mode = findIn(vhost, "cluster", "mode");
  const origin = findIn(vhost, "cluster", "origin");
  const written = [vhost, findDirective(vhost.children ?? [], "cluster")];
  const names = written.flatMap((block) => block?.children ?? []).map(({ name }) => name);
  // A misspelled name is reported already.
  const isMisspelled = names.some((name) => nearestName(name, ["origin"]) !== undefined);
  if (enabled && cluster.mode === "remote" && origin === undefined && !isMisspelled) {
    const example = syntax.option("origin", ["127.0.0.1:19350"]);
    problems.error(mode ?? vhost, 'Mode "remote" needs an origin', `add ${example} next to it`);
  }
  const secure = cluster.origin.filter(({ isSecure }) => isSecure);
  if (cluster.insecure && secure.length > 0) {
    const what =
      "Certificates of origins are not checked: anyone on the way may change the streams";
    const at = findIn(vhost, "cluster", "insecure") ?? vhost;
    problems.warn(at, what, `name their issuer instead: ${syntax.option("tls_ca", ["FILE"])}`);
  }
  if (origin !== undefined && mode === undefined) {
    const example = syntax.option("mode", ["remote"]);
    const what = 'Directive "origin" has no effect in an origin vhost';
    problems.warn(origin, what, `add ${example} next to it to make this an edge`);
  }
}

function checkForward(
  vhost: Directive,
  { forward, cluster }: VhostValues,
  problems: ProblemList,
): void {
  if (!forward.enabled) return;
  const at = findIn(vhost, "forward", "enabled") ?? findIn(vhost, "forward", "destination") ??
    vhost;
  if (cluster.mode === "remote") {
    const what =
      'Directive "forward" has no effect in an edge vhost, which pushes what is published on it';
    problems.warn(at, what, "enable it on the origin, or push to several origins: cluster.push");
  } else if (forward.destination.length + forward.backend.length === 0) {
    const example = syntaxOf(vhost.file).option("destination", ["127.0.0.1:1936"]);
    problems.warn(
      at,
      'Directive "forward" is enabled without a destination',
      `add ${example} next to it`,
    );
  }
}

/** Returns the directive `name` in the block `block` of a vhost. */
function findIn(vhost: Directive, block: string, name: string): Directive | undefined {
  const children = findDirective(vhost.children ?? [], block)?.children;
  return findDirective(children ?? [], name);
}

function wholeFile(file: string): Position {
  return { file, line: 0, column: 0 };
}
