import { AddedForwards } from "../../lib/config/added_forwards.ts";
import { DEFAULT_VHOST } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assertEquals } from "../helpers/assert.ts";

function load(text: string) {
  return parseConfig(`listen 1935; ${text}`, "a.conf", { readFile: () => "" }).config;
}

const urlsOf = (config: ReturnType<typeof load>) =>
  config.vhosts.get(DEFAULT_VHOST)!.forward.destinations.map(({ url }) => url);

Deno.test("destinations that were added are laid over every configuration that is loaded", () => {
  const added = new AddedForwards();
  added.add(DEFAULT_VHOST, "10.0.0.9:1935");
  added.add(DEFAULT_VHOST, "10.0.0.1:1935");
  added.add("gone.example", "10.0.0.9:1935");
  const forward = "forward { enabled on; destination 10.0.0.1:1935; }";
  const own = load(`vhost ${DEFAULT_VHOST} { ${forward} }`);
  assertEquals(urlsOf(added.addTo(own)), ["10.0.0.1:1935", "10.0.0.9:1935"]);
  assertEquals(urlsOf(own), ["10.0.0.1:1935"]);
  const off = load(`vhost ${DEFAULT_VHOST} { ${forward.replace("on", "off")} }`);
  assertEquals(urlsOf(added.addTo(off)), ["10.0.0.9:1935", "10.0.0.1:1935"], "off in the file");
  const edge = load(`vhost ${DEFAULT_VHOST} { cluster { mode remote; origin 10.0.0.2; } }`);
  assertEquals(added.addTo(edge).vhosts.get(DEFAULT_VHOST)!.forward.enabled, false);
});

Deno.test("a limited number of destinations is added, each once in a vhost", () => {
  const added = new AddedForwards();
  for (let port = 1; port <= 1_000; port++) added.add(DEFAULT_VHOST, `10.0.0.9:${port}`);
  assertEquals(typeof added.add(DEFAULT_VHOST, "10.0.0.8:1"), "string");
  assertEquals(added.add(DEFAULT_VHOST, "10.0.0.9:7"), added.all[6]);
  assertEquals(added.remove("other.example", "f7"), false);
  assertEquals(added.remove(DEFAULT_VHOST, "f7"), true);
  assertEquals(added.all.length, 999);
});
