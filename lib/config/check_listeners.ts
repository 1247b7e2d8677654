import { addressesOverlap, coversAddress, isLoopback } from "./address.ts";
import type { Config, ListenAddress, TlsConfig } from "./config.ts";
import { type Directive, findDirective, type Position } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { syntaxOf } from "./syntax.ts";

/** One address, and where it is written. */
interface WrittenAddress extends ListenAddress {
  readonly at: Position;
}

/** The addresses of one protocol. */
interface Group {
  /** In messages. */
  readonly name: string;
  readonly addresses: readonly WrittenAddress[];
  /** Present with TLS. */
  readonly tls?: TlsConfig;
}

/** Reports addresses of `config`, built from `directives`, that cannot be open together. */
export function checkListeners(
  directives: readonly Directive[],
  config: Config,
  problems: ProblemList,
): void {
  const { rtmp, api, files } = groupsOf(directives, config);
  const earlier: Group[] = [];
  for (const group of [...rtmp, ...api, ...files]) {
    for (const other of earlier) {
      const canShare = api.includes(other) && files.includes(group) &&
        (group.tls === undefined) === (other.tls === undefined);
      for (const address of group.addresses) {
        if (canShare) checkShared(address, [group, other], config, problems);
        else checkApart(address, [group, other], problems);
      }
    }
    earlier.push(group);
  }
}

function groupsOf(
  directives: readonly Directive[],
  { listen, rtmps, httpApi, httpServer }: Config,
): Readonly<Record<"rtmp" | "api" | "files", readonly Group[]>> {
  const inBlock = (name: string, addresses: readonly ListenAddress[]) => {
    const block = findDirective(directives, name);
    return { name, addresses: written(block?.children ?? [], addresses, block) };
  };
  const inTls = (outer: string, tls: TlsConfig): Group => {
    const parent = findDirective(directives, outer)!;
    const block = outer === "rtmps" ? parent : findDirective(parent.children ?? [], "https")!;
    const addresses = written(block.children ?? [], tls.listen, block);
    return { name: outer === "rtmps" ? outer : `https of ${outer}`, addresses, tls };
  };
  return {
    rtmp: [
      { name: "RTMP", addresses: written(directives, listen) },
      ...(rtmps.enabled ? [inTls("rtmps", rtmps)] : []),
    ],
    api: [
      ...(httpApi.enabled ? [inBlock("http_api", httpApi.listen)] : []),
      ...(httpApi.https.enabled ? [inTls("http_api", httpApi.https)] : []),
    ],
    files: [
      ...(httpServer.enabled ? [inBlock("http_server", httpServer.listen)] : []),
      ...(httpServer.https.enabled ? [inTls("http_server", httpServer.https)] : []),
    ],
  };
}

function checkApart(
  address: WrittenAddress,
  [group, other]: readonly [Group, Group],
  problems: ProblemList,
): void {
  if (!other.addresses.some((each) => addressesOverlap(each, address))) return;
  problems.error(
    address.at,
    `${group.name} and ${other.name} both listen on port ${address.port}`,
    `write another port after listen in ${group.name}`,
  );
}

function checkShared(
  address: WrittenAddress,
  [group, other]: readonly [Group, Group],
  { workers }: Config,
  problems: ProblemList,
): void {
  const same = other.addresses.find((candidate) => addressesOverlap(candidate, address));
  if (same === undefined) return;
  const shared = `${other.name} and ${group.name} share port ${address.port}`;
  if (workers !== 1) {
    const example = syntaxOf(address.at.file).option("workers", ["1"]);
    const fix = `give one of them another port, or write ${example}`;
    problems.error(address.at, `${shared}, which several workers cannot serve`, fix);
  } else if (!canShare(address, same)) {
    const fix = "write the same address in both, or give one of them another port";
    problems.error(address.at, `${shared} at different addresses`, fix);
  } else if (group.tls?.cert !== other.tls?.cert || group.tls?.key !== other.tls?.key) {
    const fix = "write the same cert and key in both, or give one of them another port";
    problems.error(address.at, `${shared} with different certificates`, fix);
  }
}

/** Whether one listener can tell the clients of both addresses apart, or need not. */
function canShare(a: ListenAddress, b: ListenAddress): boolean {
  const narrow = coversAddress(a, b) ? b : a;
  return coversAddress(narrow, a) || isLoopback(narrow.hostname) || narrow.hostname === "0.0.0.0";
}

/** The words of a directive are in the order of its addresses. */
function written(
  directives: readonly Directive[],
  addresses: readonly ListenAddress[],
  block?: Directive,
): WrittenAddress[] {
  const listen = findDirective(directives, "listen");
  const wholeFile = { file: "", line: 0, column: 0 };
  return addresses.map((address, index) => ({
    ...address,
    at: listen?.args[index] ?? listen ?? block ?? wholeFile,
  }));
}
