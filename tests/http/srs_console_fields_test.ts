/** What SRS's own console (`trunk/research/console`) asks for, and every field that it shows. */

import { systemClock } from "../../lib/base/clock.ts";
import { silentLogger } from "../../lib/base/log.ts";
import { createApiApp } from "../../lib/http/apps.ts";
import { streamId, vhostId } from "../../lib/http/api_answers.ts";
import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { FakeControl } from "./fake_control.ts";
import { FakeView } from "./fake_view.ts";

const app = createApiApp({
  config: {
    listen: [{ hostname: "127.0.0.1", port: 1985 }],
    crossdomain: true,
    jsonp: true,
    auth: { enabled: false, type: "basic", username: "", password: "", token: "" },
    rawApi: { enabled: false, allowReload: false },
  },
  view: new FakeView(),
  control: new FakeControl(),
  identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
  now: () => 1_700_000_000_000,
  isReady: () => true,
  drain: () => null,
  streams: null,
  clock: systemClock,
  logger: silentLogger,
});

/** Fields by the type that the console's filters need. */
interface Fields {
  readonly number?: string;
  readonly string?: string;
  readonly boolean?: string;
}

const KBPS = "kbps.recv_30s kbps.send_30s";
const VHOST: Fields = {
  string: "id name",
  number: `clients streams ${KBPS}`,
  boolean: "enabled hls.enabled",
};
const STREAM: Fields = {
  string: "id name vhost app tcUrl url publish.cid video.codec video.profile video.level " +
    "audio.codec audio.profile",
  number: `clients ${KBPS} video.width video.height audio.sample_rate audio.channel`,
  boolean: "publish.active",
};
const CLIENT: Fields = {
  string: "id vhost stream ip tcUrl pageUrl swfUrl url name type",
  number: "alive",
  boolean: "publish",
};

const READS: readonly (readonly [path: string, at: string, fields: Fields])[] = [
  ["versions", "data", { string: "version" }],
  ["summaries", "data", { number: "now_ms", boolean: "ok" }],
  ["summaries", "data.self", {
    string: "version",
    number: "pid ppid cpu_percent mem_kbyte mem_percent srs_uptime",
  }],
  ["summaries", "data.system", {
    number: "cpu_percent cpus cpus_online mem_ram_kbyte mem_ram_percent uptime load_1m load_5m " +
      "load_15m net_sample_time net_recv_bytes net_send_bytes net_recvi_bytes net_sendi_bytes " +
      "srs_sample_time srs_recv_bytes srs_send_bytes conn_sys conn_sys_et conn_sys_tw " +
      "conn_sys_udp conn_srs disk_read_KBps disk_write_KBps disk_busy_percent",
  }],
  ["vhosts/", "vhosts.0", VHOST],
  [`vhosts/${vhostId("__defaultVhost__")}`, "vhost", VHOST],
  ["streams/", "streams.0", STREAM],
  [`streams/${streamId("__defaultVhost__", "live/show")}`, "stream", STREAM],
  ["clients/", "clients.0", CLIENT],
  ["clients/c1", "client", CLIENT],
  ["raw?rpc=raw", "http_api", { boolean: "enabled crossdomain", string: "listen" }],
  ["raw?rpc=raw", "http_api.raw_api", {
    boolean: "enabled allow_reload allow_query allow_update",
  }],
];

/** Returns the field at a path such as `data.self.pid`. */
function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (found, key) => (found as Record<string, unknown> | undefined)?.[key],
    value,
  );
}

for (const [path, place, fields] of READS) {
  Deno.test(`SRS's console finds what it shows: ${path.replace(/[/?].*/, "")}, ${place}`, async () => {
    const query = path.includes("?") ? "&" : "?";
    const response = await app.request(`/api/v1/${path}${query}callback=angular.callbacks._0`, {
      headers: { host: "localhost:1985" },
    });
    const text = await response.text();
    assertMatch(text, /^\/\*\*\/angular\.callbacks\._0\(.*\)$/);
    const found = at(JSON.parse(text.slice(text.indexOf("(") + 1, -1)), place);
    for (const [type, names] of Object.entries(fields)) {
      for (const name of names.split(" ")) {
        assertEquals([name, typeof at(found, name)], [name, type]);
      }
    }
  });
}
