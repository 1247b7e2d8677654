/** Invalid TOML files and the exact problems reported. */

import { assertEquals } from "../helpers/assert.ts";
import { inTomlVhost, problemsOf } from "./helpers.ts";

interface WrongFile {
  readonly what: string;
  readonly text: string;
  readonly file?: string;
  readonly problems: readonly string[];
}

const TOML_FILES: readonly WrongFile[] = [
  {
    what: "an empty TOML file",
    text: "",
    problems: [
      'x.toml: Directive "listen" is missing: add listen = 1935',
      "x.toml: warning: No vhost is defined, so every client is refused: " +
      "add [vhost.__defaultVhost__]",
    ],
  },
  {
    what: "a key without a value",
    text: "listen = 1935\npid =\n",
    problems: [
      'x.toml:2:6: Invalid TOML: "Cannot parse value on line \'pid =": ' +
      "correct it; see toml.io for the format",
    ],
  },
  {
    what: "an unclosed string",
    text: 'listen = "1935\n',
    problems: [
      'x.toml:1:15: Invalid TOML: "Single-line string cannot contain EOL": ' +
      "correct it; see toml.io for the format",
    ],
  },
  {
    what: "SRS text in a TOML file",
    text: "listen 1935;\n",
    problems: [
      "x.toml: The file is in SRS's format, not in TOML: rename it to end in .conf",
    ],
  },
  {
    what: "one bad port of several",
    text: "listen = [1935,\n  70000]\n[vhost.v]\n",
    problems: ['x.toml:2:3: Value "70000" of "listen" is not valid: write a port from 1 to 65535'],
  },
  {
    what: "an edge without origins, in TOML",
    text: inTomlVhost('cluster.mode = "remote"'),
    problems: [
      'x.toml:3:9: Mode "remote" needs an origin: add origin = "127.0.0.1:19350" next to it',
    ],
  },
  {
    what: "an empty list of origins",
    text: inTomlVhost('mode = "remote"\norigin = []'),
    problems: [
      'x.toml:4:1: Directive "origin" has no value: write it like origin = "127.0.0.1:19350"',
    ],
  },
  {
    what: "yes in TOML",
    text: inTomlVhost('play = { gop_cache = "yes" }'),
    problems: ['x.toml:3:22: Value "yes" of "gop_cache" is not valid: write true or false'],
  },
  {
    what: "an own time without a unit in TOML",
    text: inTomlVhost("[vhost.v.cluster]\nlinger   =   10"),
    problems: ['x.toml:4:14: Value "10" of "linger" has no unit: write 10s, 10ms or 10m'],
  },
  {
    what: "a fraction where a whole number belongs",
    text: "listen = 1935\nmax_connections = 10.5\n[vhost.v]\n",
    problems: [
      'x.toml:2:19: Value "10.5" of "max_connections" is not valid: ' +
      "write a whole number from 1 to 1000000",
    ],
  },
  {
    what: "a date",
    text: "listen = 1935\nmax_connections = 2024-10-15\n[vhost.v]\n",
    problems: [
      'x.toml:2:19: Value "2024-10-15T00:00:00.000Z" of "max_connections" is not valid: ' +
      "write a whole number from 1 to 1000000",
    ],
  },
  {
    what: "a misspelt key in a table",
    text: inTomlVhost('[vhost.v.cluster]\n"orgin" = "127.0.0.1"'),
    problems: [
      'x.toml:4:1: Unknown directive "orgin" in cluster in vhost "v": did you mean "origin"?',
    ],
  },
  {
    what: "origin at the top in TOML",
    text: 'listen = 1935\norigin = "a"\n[vhost.v]\n',
    problems: [
      'x.toml:2:1: Directive "origin" does not belong at the top level: ' +
      "move it to [vhost.NAME.cluster]",
    ],
  },
  {
    what: "an unknown table",
    text: "listen = 1935\n[vhost.v]\n  [vhost.v.plai]\n  gop_cache = true\n",
    problems: ['x.toml:3:12: Unknown directive "plai" in vhost "v": did you mean "play"?'],
  },
  {
    what: "a key written twice",
    text: "listen = 1935\nlisten = 1936\n[vhost.v]\n",
    problems: [
      'x.toml:2:1: Duplicate key "listen": ' +
      "write it once, and a table before its subtables",
    ],
  },
  {
    what: "a table written twice",
    text: "listen = 1935\n[vhost.v]\n[vhost.w]\n[vhost.v]\n",
    problems: [
      'x.toml:4:8: Duplicate key "v": ' +
      "write it once, and a table before its subtables",
    ],
  },
  {
    what: "a vhost that is not a table",
    text: "listen = 1935\nvhost.v = 1\n",
    problems: ['x.toml:2:7: Vhost "v" is not a table: write [vhost."v"]'],
  },
  {
    what: "a table after a table inside it",
    text: "listen = 1935\n[vhost.v.play]\n[vhost.v]\n",
    problems: [
      'x.toml:3:8: Duplicate key "v": ' +
      "write it once, and a table before its subtables",
    ],
  },
  {
    what: "a list of vhosts",
    text: "listen = 1935\n[[vhost]]\nenabled = true\n",
    problems: ["x.toml:2:3: Vhost has no name: write [vhost.__defaultVhost__]"],
  },
  {
    what: "an option as a table",
    text: "listen = 1935\n[pid]\nfile = 1\n[vhost.v]\n",
    problems: [
      'x.toml:2:2: Directive "pid" takes a value, not a block: ' +
      'write it like pid = "objs/edge.pid"',
    ],
  },
  {
    what: "a list in a list of values",
    text: inTomlVhost('mode = "remote"\norigin = ["a", ["b"]]'),
    problems: [
      'x.toml:4:16: Value "[…]" of "origin" is not valid: ' +
      "write host:port, ip:port or [ipv6]:port",
    ],
  },
  {
    what: "the key __proto__",
    text: "listen = 1935\n[vhost.__proto__.play]\ngop_cache = 1\n",
    problems: ['x.toml:2:8: Name "__proto__" is not allowed: choose another name'],
  },
  {
    what: "include in TOML",
    text: 'listen = 1935\ninclude = "a.toml"\n[vhost.v]\n',
    problems: [
      'x.toml:2:1: Unknown directive "include" at the top level: ' +
      "see docs/configuration.md for all directives",
    ],
  },
];

for (const { what, text, problems } of TOML_FILES) {
  Deno.test(`parseConfig() reports ${what} (TOML)`, () => {
    assertEquals(problemsOf(text, { file: "x.toml" }), problems);
  });
}
