/** The texts of `edge --help` and `edge --version`. */

import { VERSION } from "../base/version.ts";

/** What `edge --version` prints, without a line end. */
export const VERSION_TEXT = `edge ${VERSION}`;

/** What `edge --help` prints: at most 80 columns, without a line end. */
export const HELP_TEXT = `\
${VERSION_TEXT}: an RTMP origin and edge server

Examples
  edge                                  an origin on port 1935
  edge --config edge.conf               what the file says (SRS style or .toml)
  edge --test --config edge.conf        check the file and stop
  edge --origin 192.0.2.10              an edge of that origin, without any file
  edge --listen 1936 --origin a,b:1935  on another port, with a second origin
  edge demo                             show origin and edges at work, with
                                        nothing else installed

Publish to rtmp://HOST/live/NAME and play the same address, on origin or edge.

Usage
  edge [options]
  edge demo [--seconds N]

Options
  -c, --config FILE       configuration, SRS style or TOML (.toml)
  -t, --test              check the configuration and stop
      --listen ADDR       PORT or HOST:PORT; repeat it for more; wins over the
                          file
      --origin HOST[:PORT]
                          make the default vhost an edge of this origin; repeat
                          it or separate by commas for more, tried in order
      --log-level LEVEL   debug, info, warning or error
      --log-format FORMAT text or json
  -v, --version           print the version
  -h, --help              print this text

Exit codes
  0 fine, 64 wrong command line, 78 wrong configuration, 1 anything else`;
