import { VERSION } from "../base/version.ts";

/** The name and version of the program, as `edge --version` begins. */
export const VERSION_TEXT = `edge ${VERSION}`;

/** The output of `edge --help`: at most 80 columns, without a newline. */
export const HELP_TEXT = `\
${VERSION_TEXT}: an RTMP origin and edge server

Examples
  edge                                  an origin on port 1935
  edge --config edge.conf               a server as configured (SRS or TOML)
  edge --test --config edge.conf        check the file and exit
  edge --origin 192.0.2.10              an edge of that origin, without a file
  edge --listen 1936 --origin a,b:1935  on another port, with a second origin
  edge demo                             an origin and two edges at work, with
                                        nothing else to install

Publish to rtmp://HOST/live/NAME and play the same URL, on origin or edge.

Usage
  edge [options]
  edge demo [--seconds N] [--scene SCENE] [--open] [--record FILE.cast]
                                        show it at work; scenes: relay,
                                        failover, restart
  edge health [URL]                     ask a server's API: exit code 0 or 1
  edge migrate FILE                     print an SRS or nginx-rtmp file as TOML
  edge sign URL [--action A] [--expires 1h] [--from IP] --config FILE
                                        print a signed URL (docs/access.md)

Options
  -c, --config FILE       configuration: SRS style, or TOML (.toml)
  -t, --test              check the configuration and exit
      --replace           take over from the running server with the same
                          pid file, which then drains (Linux)
      --listen ADDR       PORT or HOST:PORT, repeatable; overrides the file
      --origin HOST[:PORT]
                          make the default vhost an edge of this origin;
                          repeatable or comma-separated, tried in order
      --log-level LEVEL   trace, debug, info, warning or error
      --log-format FORMAT text or json
      --check-access URL  say whether a client would be let in, and why: with
                          --config, --action, --from; exit code 0 or 1
      --action ACTION     play (default) or publish
      --from IP           the client's address
      --expires TIME      90s, 30m, 1h (default), 7d
  -v, --version           print the version
  -h, --help              print this help

Exit codes
  0 success, 64 wrong command line, 78 wrong configuration, 1 other failure`;
