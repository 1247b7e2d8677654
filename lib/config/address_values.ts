/** Types of values that are addresses, host names and URLs. */

import { quotePeerText } from "../base/text.ts";
import {
  canonicalIp,
  isCidr,
  isHostName,
  isIp,
  isIpv6,
  parsePort,
  splitHostPort,
} from "./address.ts";
import type { ListenAddress, OriginAddress, SecurityRule } from "./config.ts";
import type { OriginName } from "./origin_address.ts";
import type { Directive } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { syntaxOf } from "./syntax.ts";
import { list, parseWords, type Refuse, single, type ValueType } from "./value_type.ts";

/** Host of a port of `http_api` that is written without one. */
export const BARE = "";

const DEFAULT_RTMP_PORT = "1935";
const DEFAULT_RTMPS_PORT = "443";

const DNS_PORT = "53";

/** Start of an origin with TLS. */
const RTMPS = "rtmps://";

/** Options of {@linkcode listenAddresses}. */
interface ListenOptions {
  /** 0 also allows port 0, any free port. */
  readonly minPort: 0 | 1;
  /** Host of a bare port; every IPv4 address of the machine when absent. */
  readonly bareHost?: string;
}

/** Addresses to listen on, each listed once. */
export function listenAddresses(options: ListenOptions): ValueType<readonly ListenAddress[]> {
  return {
    label: "one or more of `port`, `ip:port`, `[ipv6]:port`",
    unit: "",
    isList: true,
    parse(directive, problems) {
      const seen = new Set<string>();
      return parseWords(directive, problems, (word, refuse) => {
        const address = parseListen(word, refuse, options);
        if (address === undefined || address.port === 0) return address;
        const key = `${address.hostname} ${address.port}`;
        if (seen.has(key)) return refuse("remove it", "is listed twice");
        seen.add(key);
        return address;
      });
    },
  };
}

/** Origins of an edge. */
export const originAddresses: ValueType<readonly (OriginAddress | OriginName)[]> = list(
  "one or more of `host`, `host:port`, `[ipv6]:port`, `rtmps://host:port`, `dns:host:port`, `srv:name`",
  (word, refuse) => {
    const [, kind, rest] = /^(dns|srv):(?!\d+$)(.*)$/.exec(word) ?? [];
    if (kind === undefined) return parseOrigin(word, refuse);
    return parseName(kind as OriginName["discovery"], rest!, refuse);
  },
);

/** A name server. */
export const nameServer: ValueType<ListenAddress> = single(
  "`ip`, `ip:port`, `[ipv6]:port`",
  (word, refuse) => {
    const { hostname, port = DNS_PORT } = splitHostPort(word);
    const number = parsePort(port, 1);
    if (isIp(hostname) && number !== undefined) return { hostname, port: number };
    return refuse("write the IP address of a name server, such as 10.0.0.2 or 127.0.0.1:8600");
  },
);

/** Host names that the end of a page's host is compared with. */
export const referHosts: ValueType<readonly string[]> = list(
  "one or more host names",
  (word, refuse) =>
    isHostName(word.replace(/^\./, "")) || isIp(word)
      ? word
      : refuse("write only the host name, without scheme, port or path"),
);

/** IP addresses and CIDR ranges. */
export const addressRanges: ValueType<readonly string[]> = list(
  "one or more IP addresses or CIDR ranges",
  (word, refuse) =>
    isIp(word) || isCidr(word) ? word : refuse("write an IP address, or a range like 10.0.0.0/8"),
);

/** URLs of an HTTP server. */
export const httpUrls: ValueType<readonly string[]> = list(
  "one or more of `http://…`, `https://…`",
  (word, refuse) =>
    /^https?:\/\//i.test(word) && URL.canParse(word)
      ? word
      : refuse("write a full URL, such as http://127.0.0.1:8085/api/v1/clients"),
);

/** One rule: `play` or `publish`, then the clients it applies to. */
export function securityRule(action: SecurityRule["action"]): ValueType<readonly SecurityRule[]> {
  return {
    label: "`play` or `publish`, then `all`, an IP address or a CIDR range; repeatable",
    unit: "",
    isList: true,
    parse: (directive, problems) => parseRule(action, directive, problems),
  };
}

function parseRule(
  action: SecurityRule["action"],
  directive: Directive,
  problems: ProblemList,
): readonly SecurityRule[] | undefined {
  const [scope, from, extra] = directive.args;
  const example = syntaxOf(directive.file).option(action, ["play", "all"]);
  if (scope?.text !== "play" && scope?.text !== "publish") {
    const what = `Value ${quotePeerText(scope!.text)} of "${action}" is not valid`;
    return problems.error(scope!, what, `write play or publish first, like ${example}`);
  }
  if (from === undefined || extra !== undefined) {
    const what = `"${action} ${scope.text}" takes one address, not ${directive.args.length - 1}`;
    return problems.error(extra ?? scope, what, `write one address, like ${example}`);
  }
  if (from.text !== "all" && !isIp(from.text) && !isCidr(from.text)) {
    const what = `Value ${quotePeerText(from.text)} of "${action}" is not an address`;
    return problems.error(from, what, "write all, an IP address, or a range like 10.0.0.0/8");
  }
  return [{ action, scope: scope.text, from: from.text }];
}

function parseListen(
  word: string,
  refuse: Refuse,
  { minPort, bareHost = "0.0.0.0" }: ListenOptions,
): ListenAddress | undefined {
  const isBare = /^:?\d+$/.test(word);
  const { hostname, port } = isBare
    ? { hostname: bareHost, port: word.replace(":", "") }
    : splitHostPort(word);
  if (hostname === "localhost" && port !== undefined) {
    return refuse(`write an IP address: 127.0.0.1:${port}, or [::1]:${port}`);
  }
  if ((!isBare && !isIp(hostname)) || port === undefined) {
    return refuse("write a port, or an IP address and a port: 1935, 127.0.0.1:1935 or [::]:1935");
  }
  const number = parsePort(port, minPort);
  if (number === undefined) return refuse(`write a port from ${minPort} to 65535`);
  return { hostname: canonicalIp(hostname), port: number };
}

/** Reads `host[:port]`, or `rtmps://host[:port]`. */
export function parseOrigin(word: string, refuse: Refuse): OriginAddress | undefined {
  const isSecure = word.startsWith(RTMPS);
  const text = isSecure ? word.slice(RTMPS.length) : word;
  if (text.includes("/")) {
    return refuse("write only host:port, without path; for TLS rtmps://host:port");
  }
  if (/^\d+$/.test(text)) return refuse(`write the host before the port: 127.0.0.1:${text}`);
  const { hostname, port = isSecure ? DEFAULT_RTMPS_PORT : DEFAULT_RTMP_PORT } = splitHostPort(
    text,
  );
  const isHost = text.startsWith("[") ? isIpv6(hostname) : isHostName(hostname) || isIp(hostname);
  if (!isHost) return refuse("write host:port, ip:port or [ipv6]:port");
  const number = parsePort(port, 1);
  if (number === undefined) return refuse("write a port from 1 to 65535");
  return isSecure ? { hostname, port: number, isSecure } : { hostname, port: number };
}

function parseName(
  discovery: OriginName["discovery"],
  text: string,
  refuse: Refuse,
): OriginName | undefined {
  const example = discovery === "dns"
    ? "dns:origins.example:1935"
    : "srv:_rtmp._tcp.origins.example";
  const address = parseOrigin(text, () => refuse(`write a host name, like ${example}`));
  if (address === undefined) return undefined;
  if (!isHostName(address.hostname)) {
    return refuse(`write a host name, like ${example}; an address needs no ${discovery}:`);
  }
  if (discovery === "dns") return { discovery, ...address };
  if (/:\d+$/.test(text)) return refuse("remove the port: SRV records name the ports");
  return { discovery, ...address, port: 0 };
}
