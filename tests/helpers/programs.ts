/** Other programs that the tests use: whether they are installed, and how to install them. */

import { say } from "./say.ts";
import { isSkippingForbidden } from "./settings.ts";

/** Where Debian installs the RTMP module of nginx. */
export const NGINX_RTMP_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

interface ProgramFacts {
  /** Debian packages that contain the program. */
  readonly packages: string;
  /** A command that succeeds only where the program is usable. */
  readonly check: readonly [string, ...string[]];
}

const PROGRAMS = {
  "ffmpeg": { packages: "ffmpeg", check: ["ffmpeg", "-version"] },
  "ffprobe": { packages: "ffmpeg", check: ["ffprobe", "-version"] },
  "mpv": { packages: "mpv", check: ["mpv", "--version"] },
  "rtmpdump": { packages: "rtmpdump", check: ["rtmpdump", "--help"] },
  "gst rtmpsrc": gstreamerElement("rtmpsrc"),
  "gst rtmp2src": gstreamerElement("rtmp2src"),
  "gst rtmpsink": gstreamerElement("rtmpsink"),
  "gst rtmp2sink": gstreamerElement("rtmp2sink"),
  "chromium": { packages: "chromium", check: ["chromium", "--version"] },
  "openssl": { packages: "openssl", check: ["openssl", "version"] },
  "ss": { packages: "iproute2", check: ["sh", "-c", "ss -tin"] },
  "ps": { packages: "procps", check: ["ps", "--version"] },
  "logrotate": { packages: "logrotate", check: onServerPath("command -v logrotate") },
  "nginx": { packages: "nginx", check: onServerPath("command -v nginx") },
  "haproxy": { packages: "haproxy", check: onServerPath("command -v haproxy") },
  "varnishd": { packages: "varnish", check: onServerPath("command -v varnishd") },
  "promtool": { packages: "prometheus", check: ["promtool", "--version"] },
  "traffic_server": {
    packages: "trafficserver",
    check: onServerPath("command -v traffic_server"),
  },
  "squid": { packages: "squid", check: onServerPath("command -v squid") },
  "nginx-rtmp": {
    packages: "nginx libnginx-mod-rtmp",
    check: onServerPath(`command -v nginx && test -e ${NGINX_RTMP_MODULE}`),
  },
} as const satisfies Record<string, ProgramFacts>;

/** A program that the tests use, by its common name. */
export type ProgramName = keyof typeof PROGRAMS;

const answers = new Map<ProgramName, Promise<boolean>>();

/**
 * Returns whether to use the program. Where it is missing, prints one line with the command that
 * installs it. Where skipping is forbidden, always returns true, so that the tests run and fail.
 */
export function hasProgram(name: ProgramName): Promise<boolean> {
  let answer = answers.get(name);
  if (answer === undefined) {
    answer = findProgram(name);
    answers.set(name, answer);
  }
  return answer;
}

/** Returns those of `names` for which {@linkcode hasProgram} returns true. */
export async function findPrograms(names: readonly ProgramName[]): Promise<ProgramName[]> {
  const answers = await Promise.all(names.map(hasProgram));
  return names.filter((_, index) => answers[index]);
}

async function findProgram(name: ProgramName): Promise<boolean> {
  const { packages, check } = PROGRAMS[name];
  if (await succeeds(check)) return true;
  const isForbidden = isSkippingForbidden();
  const verdict = isForbidden ? "missing" : "skipped";
  say(`${verdict}: ${name} is not installed; apt-get install ${packages}`);
  return isForbidden;
}

async function succeeds([command, ...args]: readonly [string, ...string[]]): Promise<boolean> {
  try {
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return (await new Deno.Command(command, { args, ...quiet }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Makes a check that also searches where Debian installs servers. */
function onServerPath(check: string): ProgramFacts["check"] {
  return ["sh", "-c", `PATH=$PATH:/usr/sbin; ${check}`];
}

function gstreamerElement(element: string): ProgramFacts {
  return {
    packages: "gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
    check: ["gst-inspect-1.0", "--exists", element],
  };
}
