/** Editors check configurations in TOML by this schema: it must agree with the program. */

// @ts-types="../../lib/config/std_toml.d.ts"
import { parse } from "@std/toml";
import { Ajv } from "ajv";
import { ConfigError } from "../../lib/base/errors.ts";
import { configSchema } from "../../tools/config_schema.ts";
import { load } from "../config/helpers.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const validate = new Ajv({ strict: true, allowUnionTypes: true, strictTypes: false })
  .compile(configSchema());
const CONF = new URL("../../conf/", import.meta.url);

Deno.test({
  ...(await needs("read")),
  name: "the schema accepts the files of conf/",
  fn() {
    for (const name of ["full.toml", "origin.toml", "edge.toml"]) {
      const isValid = validate(parse(Deno.readTextFileSync(new URL(name, CONF))));
      assert(isValid, `${name}: ${JSON.stringify(validate.errors)}`);
    }
  },
});

const VALID = [
  "listen = 1935",
  'listen = ["1935", "[::1]:1936"]',
  'listen = 1935\nworkers = "auto"',
  "listen = 1935\nworkers = 2",
  'listen = 1935\nchunk_size = "64k"',
  "listen = 1935\n[http_api]\nenabled = true",
  'listen = 1935\n[http_api]\nenabled = "on"',
  'listen = 1935\n[vhost."a.example".play]\nqueue_length = 0.5',
  'listen = 1935\n[vhost.v.play]\nmw_latency = "350ms"',
  'listen = 1935\n[vhost.v.security]\nenabled = true\nallow = [["play", "all"], ["publish", "10.0.0.0/8"]]',
  'listen = 1935\n[vhost.v.security]\nenabled = true\nallow = ["play", "all"]',
];

const INVALID = [
  "lisen = 1935",
  'listen = 1935\nworkers = "some"',
  "listen = 1935\nworkers = 65",
  "listen = 1935\nworkers = true",
  'listen = 1935\nchunk_size = "64g"',
  'listen = 1935\n[http_api]\nenabled = "yes"',
  'listen = 1935\n[vhost.v.cluster]\nmode = "edge"',
  'listen = 1935\n[vhost.v.play]\nmw_latency = "350 ms"',
  "listen = 1935\n[vhost.v]\nplay = 5",
];

for (const text of VALID) {
  Deno.test(`the schema and the program accept ${JSON.stringify(text)}`, () => {
    assert(validate(parse(text)), JSON.stringify(validate.errors));
    load(text, { file: "edge.toml" });
  });
}

for (const text of INVALID) {
  Deno.test(`the schema and the program refuse ${JSON.stringify(text)}`, () => {
    assertEquals(validate(parse(text)), false);
    assertThrows(() => load(text, { file: "edge.toml" }), ConfigError);
  });
}
