import { UsageError } from "../../lib/base/errors.ts";
import { type Command, parseCommandLine } from "../../lib/cli/args.ts";
import { load } from "../config/helpers.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../helpers/assert.ts";

const SERVE = { type: "serve", test: false, replace: false, overrides: {} } as const;

const PARSED: readonly { readonly args: string; readonly command: Command }[] = [
  { args: "", command: SERVE },
  { args: "--config edge.conf", command: { ...SERVE, configFile: "edge.conf" } },
  { args: "--config=edge.conf", command: { ...SERVE, configFile: "edge.conf" } },
  { args: "-c edge.conf", command: { ...SERVE, configFile: "edge.conf" } },
  { args: "-cedge.conf", command: { ...SERVE, configFile: "edge.conf" } },
  { args: "-c=edge.conf", command: { ...SERVE, configFile: "edge.conf" } },
  { args: "-c./conf/a=b.conf", command: { ...SERVE, configFile: "./conf/a=b.conf" } },
  { args: "-c 2024", command: { ...SERVE, configFile: "2024" } },
  { args: "-t -c edge.conf", command: { ...SERVE, configFile: "edge.conf", test: true } },
  {
    args: "--replace -c edge.conf",
    command: { ...SERVE, configFile: "edge.conf", replace: true },
  },
  { args: "-tc edge.conf", command: { ...SERVE, configFile: "edge.conf", test: true } },
  { args: "-c edge.conf --test", command: { ...SERVE, configFile: "edge.conf", test: true } },
  { args: "--listen 1936", command: { ...SERVE, overrides: { listen: ["1936"] } } },
  {
    args: "--listen 1936 --listen [::1]:1937",
    command: { ...SERVE, overrides: { listen: ["1936", "[::1]:1937"] } },
  },
  { args: "--origin 10.0.0.1", command: { ...SERVE, overrides: { origins: ["10.0.0.1"] } } },
  {
    args: "--origin a:1935,b --origin c",
    command: { ...SERVE, overrides: { origins: ["a:1935", "b", "c"] } },
  },
  { args: "--log-level debug", command: { ...SERVE, overrides: { logLevel: "debug" } } },
  { args: "--log-level warn", command: { ...SERVE, overrides: { logLevel: "warning" } } },
  { args: "--log-format json", command: { ...SERVE, overrides: { logFormat: "json" } } },
  { args: "demo", command: { type: "demo" } },
  { args: "demo --seconds 8", command: { type: "demo", seconds: 8 } },
  { args: "demo --scene failover", command: { type: "demo", scene: "failover" } },
  { args: "demo --open --record a.cast", command: { type: "demo", open: true, record: "a.cast" } },
  { args: "--seconds=8 demo", command: { type: "demo", seconds: 8 } },
  { args: "migrate srs.conf", command: { type: "migrate", file: "srs.conf" } },
  { args: "health", command: { type: "health" } },
  {
    args: "health https://edge.example/healthz",
    command: { type: "health", url: "https://edge.example/healthz" },
  },
  {
    args: "sign rtmp://h/live/show -c edge.conf",
    command: {
      type: "sign",
      url: "rtmp://h/live/show",
      action: "play",
      seconds: 3_600,
      configFile: "edge.conf",
    },
  },
  {
    args: "sign rtmp://h/live/show --action publish --expires 7d --from ::1",
    command: {
      type: "sign",
      url: "rtmp://h/live/show",
      action: "publish",
      seconds: 604_800,
      from: "::1",
    },
  },
  {
    args: "--check-access rtmp://h/live/show --action publish --from 10.0.0.1 -c edge.conf",
    command: {
      type: "check-access",
      url: "rtmp://h/live/show",
      action: "publish",
      from: "10.0.0.1",
      configFile: "edge.conf",
    },
  },
  { args: "-h", command: { type: "help" } },
  { args: "demo --help", command: { type: "help" } },
  { args: "-v", command: { type: "version" } },
  { args: "--version -c edge.conf", command: { type: "version" } },
];

for (const { args, command } of PARSED) {
  Deno.test(`parseCommandLine() parses "edge ${args}"`, () => {
    assertEquals(parseCommandLine(args.split(" ").filter(Boolean)), command);
  });
}

const REFUSED: readonly {
  readonly args: string;
  readonly message: string;
  readonly fix: string;
}[] = [
  { args: "--lisen 1936", message: 'Unknown option "--lisen"', fix: 'mean "--listen"?' },
  { args: "--orgin=a", message: 'Unknown option "--orgin"', fix: 'mean "--origin"?' },
  { args: "health edge.example", message: 'cannot ask "edge.example"', fix: "write a URL" },
  {
    args: "health http://a b",
    message: 'Unexpected word "b"',
    fix: "`edge demo`, `health`",
  },
  { args: "migrate", message: "has no file", fix: "edge migrate srs.conf" },
  { args: "migrate a b", message: 'word "b"', fix: "`migrate`" },
  { args: "migrate a --test", message: 'Option "--test"', fix: "only reads a file" },
  { args: "health --test", message: 'Option "--test"', fix: "leave it out" },
  { args: "heath", message: 'Unexpected word "heath"', fix: "`edge health`" },
  { args: "--zzz", message: 'Unknown option "--zzz"', fix: "edge --help" },
  { args: "--no-test", message: 'Unknown option "--no-test"', fix: "edge --help" },
  { args: "-listen 1936", message: 'Unknown option "-listen"', fix: 'mean "--listen"?' },
  { args: "-config edge.conf", message: 'Unknown option "-config"', fix: 'mean "--config"?' },
  { args: "-x", message: 'Unknown option "-x"', fix: "edge --help" },
  { args: "-tx", message: 'Unknown option "-x"', fix: "edge --help" },
  { args: "--__proto__=1", message: 'Unknown option "--__proto__"', fix: "edge --help" },
  { args: "-g", message: 'Unknown option "-g"', fix: "SRS's signature" },
  { args: "-e", message: 'Unknown option "-e"', fix: "environment variables" },
  { args: "-V", message: 'Unknown option "-V"', fix: "edge --version" },
  { args: "-?", message: 'Unknown option "-?"', fix: "edge --help" },
  { args: "--config", message: 'Option "--config" has no value', fix: "--config edge.conf" },
  { args: "-c", message: 'Option "--config" has no value', fix: "--config edge.conf" },
  { args: "-c -t", message: 'Option "--config" has no value', fix: "--config edge.conf" },
  { args: "--listen=", message: 'Option "--listen" has no value', fix: "--listen 1935" },
  { args: "--listen -cedge.conf", message: 'Option "--listen" has no value', fix: "1935" },
  { args: "-c a -c b", message: 'Option "--config" is given 2 times', fix: "once" },
  { args: "--origin a,,b", message: 'Option "--origin" has an empty origin', fix: "one comma" },
  { args: "edge.conf", message: 'word "edge.conf"', fix: "edge --config edge.conf" },
  { args: "-t edge.conf", message: 'word "edge.conf"', fix: "edge --config edge.conf" },
  { args: "help", message: 'word "help"', fix: "edge --help" },
  { args: "dmeo", message: 'word "dmeo"', fix: "did you mean `edge demo`?" },
  { args: "start", message: 'word "start"', fix: "edge demo" },
  { args: "-- -c", message: 'word "-c"', fix: "edge --config FILE" },
  { args: "demo again", message: 'word "again"', fix: "edge demo" },
  { args: "demo -c a", message: 'Option "--config" cannot be used', fix: "own configuration" },
  { args: "demo -t", message: 'Option "--test" cannot be used', fix: "own configuration" },
  { args: "--seconds 5", message: 'Option "--seconds" cannot be used', fix: "edge demo" },
  { args: "--open", message: 'Option "--open" cannot be used', fix: "edge demo" },
  { args: "demo --seconds 0", message: 'cannot be "0"', fix: "from 1 to 86400" },
  { args: "demo --seconds 1.5", message: 'cannot be "1.5"', fix: "from 1 to 86400" },
  { args: "demo --seconds 86401", message: 'cannot be "86401"', fix: "from 1 to 86400" },
  { args: "--log-level wraning", message: 'cannot be "wraning"', fix: 'mean "warning"?' },
  { args: "--log-level loud", message: 'cannot be "loud"', fix: "--log-level debug" },
  { args: "--log-format xml", message: 'cannot be "xml"', fix: "--log-format text" },
];

for (const { args, message, fix } of REFUSED) {
  Deno.test(`parseCommandLine() refuses "edge ${args}" with a fix`, () => {
    const error = assertThrows(() => parseCommandLine(args.split(" ")), UsageError);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.fix, fix);
  });
}

for (const word of ["trace", "debug", "info", "warn", "warning", "error", "off"]) {
  Deno.test(`--log-level ${word} is srs_log_level_v2 ${word}`, () => {
    const command = parseCommandLine(["--log-level", word]);
    const { config } = load(`listen 1; srs_log_level_v2 ${word};`);
    assertEquals(command.type === "serve" && command.overrides.logLevel, config.log.level);
  });
}

Deno.test("parseCommandLine() keeps spaces and commas in a file name", () => {
  assertEquals(parseCommandLine(["-c", "my edge, old.conf"]), {
    ...SERVE,
    configFile: "my edge, old.conf",
  });
});

Deno.test("parseCommandLine() escapes control characters in what it quotes", () => {
  const error = assertThrows(() => parseCommandLine(["\x1b[2J"]), UsageError);
  assertStringIncludes(error.message, String.raw`"\u{1b}[2J"`);
});

Deno.test("parseCommandLine() refuses an empty word", () => {
  assertThrows(() => parseCommandLine(["--config", ""]), UsageError, "has no value");
  assertThrows(() => parseCommandLine([""]), UsageError, 'word ""');
});
