import { describeConfigProblem } from "../../lib/base/errors.ts";
import { VARIABLE_NAMES } from "../../lib/config/environment.ts";
import { type LoadedConfig, parseConfig, parseDefaults } from "../../lib/config/parse_config.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { load } from "./helpers.ts";

/** Variables that SRS 7.0.18 reads (`srs_app_config.cpp`), one of each form. */
const SRS_NAMES = [
  "SRS_LISTEN SRS_MAX_CONNECTIONS SRS_PID SRS_WORK_DIR SRS_DAEMON SRS_SERVER_ID SRS_IN_DOCKER",
  "SRS_SRS_LOG_TANK SRS_LOG_TANK SRS_SRS_LOG_FILE SRS_LOG_FILE SRS_LOG_LEVEL SRS_LOG_LEVEL_V2",
  "SRS_HTTP_API_ENABLED SRS_HTTP_API_LISTEN SRS_HTTP_API_CROSSDOMAIN SRS_HTTP_API_AUTH_ENABLED",
  "SRS_HTTP_API_AUTH_USERNAME SRS_HTTP_API_AUTH_PASSWORD SRS_HTTP_API_RAW_API_ENABLED",
  "SRS_HTTP_API_HTTPS_ENABLED SRS_HTTP_SERVER_ENABLED SRS_HTTP_SERVER_LISTEN SRS_HTTP_SERVER_DIR",
  "SRS_RTC_SERVER_ENABLED SRS_SRT_SERVER_ENABLED SRS_EXPORTER_ENABLED SRS_HEARTBEAT_ENABLED",
  "SRS_VHOST_CHUNK_SIZE SRS_VHOST_MIN_LATENCY SRS_VHOST_TCP_NODELAY SRS_VHOST_IN_ACK_SIZE",
  "SRS_VHOST_PLAY_GOP_CACHE SRS_VHOST_PLAY_QUEUE_LENGTH SRS_VHOST_PLAY_MW_LATENCY",
  "SRS_VHOST_PUBLISH_FIRSTPKT_TIMEOUT SRS_VHOST_PUBLISH_NORMAL_TIMEOUT SRS_VHOST_DVR_ENABLED",
  "SRS_VHOST_HTTP_HOOKS_ENABLED SRS_VHOST_HTTP_HOOKS_ON_PUBLISH SRS_VHOST_HTTP_REMUX_MOUNT",
  "SRS_VHOST_HLS_ENABLED SRS_VHOST_HLS_HLS_FRAGMENT SRS_VHOST_HLS_HLS_PATH SRS_VHOST_RTC_ENABLED",
].flatMap((names) => names.split(" "));

Deno.test("VARIABLE_NAMES has SRS's names, and two for edges", () => {
  for (const name of [...SRS_NAMES, "EDGE_MODE", "EDGE_ORIGIN"]) {
    assert(VARIABLE_NAMES.includes(name), name);
  }
});

const FILE = `listen 1935;
http_api { enabled on; listen 127.0.0.1:1985; auth { enabled on; username a; password b; } }
vhost a { play { gop_cache on; } }
vhost b { http_hooks { on_publish http://file/; } }`;

function loadWith(variables: Readonly<Record<string, string>>, text = FILE): LoadedConfig {
  return parseConfig(text, "x.conf", {
    readFile: () => undefined,
    environment: new Map(Object.entries(variables)),
  });
}

Deno.test("parseConfig() lets variables win over the file, in all vhosts", () => {
  const { config, warnings } = loadWith({
    SRS_LISTEN: "1936  [::1]:1937",
    SRS_HTTP_API_LISTEN: "8080",
    SRS_HTTP_API_AUTH_PASSWORD: "two words; and {",
    SRS_LOG_LEVEL: "warn",
    SRS_VHOST_PLAY_GOP_CACHE: "off",
    SRS_VHOST_HTTP_HOOKS_ENABLED: "on",
    SRS_VHOST_HTTP_HOOKS_ON_PUBLISH: "http://one/ http://two/",
  });
  assertEquals(warnings, []);
  assertEquals(config.listen.map(({ port }) => port), [1936, 1937]);
  assertEquals(config.httpApi.listen, [{ hostname: "0.0.0.0", port: 8080 }]);
  assertEquals(config.httpApi.auth.username, "a");
  assertEquals(config.httpApi.auth.password, "two words; and {");
  assertEquals(config.log.level, "warning");
  for (const { play, httpHooks } of config.vhosts.values()) {
    assertEquals(play.gopCache, false);
    assertEquals(httpHooks.enabled, true);
    assertEquals(httpHooks.urls.on_publish, ["http://one/", "http://two/"]);
  }
});

Deno.test("parseConfig() makes every vhost an edge of EDGE_ORIGIN", () => {
  const { config } = loadWith({ EDGE_ORIGIN: "10.0.0.1, b:1936" });
  for (const { mode, cluster } of config.vhosts.values()) {
    assertEquals(mode, "remote");
    assertEquals(cluster.origins.map(({ port }) => port), [1935, 1936]);
  }
  const local = loadWith({ EDGE_ORIGIN: "10.0.0.1", EDGE_MODE: "local" });
  assertEquals(local.config.vhosts.get("a")?.mode, "local");
});

Deno.test("parseConfig() adds what only variables have, to TOML as well", () => {
  const loaded = parseConfig("[vhost.a]\n", "x.toml", {
    readFile: () => undefined,
    environment: new Map([["SRS_LISTEN", "1936"], ["SRS_VHOST_HLS_ENABLED", "on"]]),
  });
  assertEquals(loaded.config.listen[0]?.port, 1936);
  assertEquals(loaded.config.vhosts.get("a")?.hls.enabled, true);
});

Deno.test("parseDefaults() needs no file", () => {
  const { config } = parseDefaults(new Map([["SRS_LISTEN", "1936"], ["EDGE_ORIGIN", "a"]]));
  assertEquals(config.listen[0]?.port, 1936);
  assertEquals(config.vhosts.get("__defaultVhost__")?.mode, "remote");
});

Deno.test("parseConfig() names the variable of a problem, once", () => {
  const { message } = assertThrows(
    () => loadWith({ SRS_VHOST_PLAY_GOP_CACHE: "yes", SRS_VHOST_DASH_ENABLED: "on" }),
    Error,
  );
  assertEquals(message.split("\n"), [
    'SRS_VHOST_DASH_ENABLED: warning: Directive "dash" is not supported yet and has no effect: ' +
    "remove it or write enabled off; in it",
    'SRS_VHOST_PLAY_GOP_CACHE: Value "yes" of "gop_cache" is not valid: write on or off',
  ]);
});

Deno.test("parseConfig() does not print a password from a variable", () => {
  const secrets = { SRS_HTTP_API_AUTH_PASSWORD: "hunter2", SRS_HTTP_API_AUTH_USERNAME: "a:b" };
  const { message } = assertThrows(() => loadWith(secrets), Error);
  assert(!message.includes("hunter2"), message);
});

Deno.test("parseConfig() reads the same without variables", () => {
  assertEquals(loadWith({}), load(FILE));
  assertEquals(loadWith({ SRS_DAEMON: "off" }).warnings.map(describeConfigProblem), []);
});
