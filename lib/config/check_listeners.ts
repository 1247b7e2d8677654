import { addressesOverlap, coversAddress, isLoopback } from "./address.ts";
import type { Config, ListenAddress } from "./config.ts";
import { type Directive, findDirective, type Position } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { syntaxOf } from "./syntax.ts";

/** One address, and where it is written. */
interface WrittenAddress extends ListenAddress {
  readonly at: Position;
}

/** Reports addresses of `config`, built from `directives`, that cannot be open together. */
export function checkListeners(
  directives: readonly Directive[],
  config: Config,
  problems: ProblemList,
): void {
  const { listen, httpApi, httpServer } = config;
  const rtmp = written(directives, listen);
  const api = httpApi.enabled ? writtenIn(directives, "http_api", httpApi.listen) : [];
  const files = httpServer.enabled ? writtenIn(directives, "http_server", httpServer.listen) : [];
  for (const [block, addresses] of [["http_api", api], ["http_server", files]] as const) {
    for (const address of addresses) checkBesideRtmp(block, address, rtmp, problems);
  }
  for (const address of files) checkBesideApi(address, api, config, problems);
}

function checkBesideRtmp(
  block: string,
  address: WrittenAddress,
  rtmp: readonly WrittenAddress[],
  problems: ProblemList,
): void {
  if (!rtmp.some((other) => addressesOverlap(other, address))) return;
  problems.error(
    address.at,
    `${block} and RTMP both listen on port ${address.port}`,
    `write another port after listen in ${block}`,
  );
}

function checkBesideApi(
  address: WrittenAddress,
  api: readonly WrittenAddress[],
  { workers }: Config,
  problems: ProblemList,
): void {
  const other = api.find((candidate) => addressesOverlap(candidate, address));
  if (other === undefined) return;
  const shared = `http_api and http_server share port ${address.port}`;
  if (workers !== 1) {
    const example = syntaxOf(address.at.file).option("workers", ["1"]);
    const fix = `give one of them another port, or write ${example}`;
    problems.error(address.at, `${shared}, which several workers cannot serve`, fix);
  } else if (!canShare(address, other)) {
    const fix = "write the same address in both, or give one of them another port";
    problems.error(address.at, `${shared} at different addresses`, fix);
  }
}

/** Whether one listener can tell the clients of both addresses apart, or need not. */
function canShare(a: ListenAddress, b: ListenAddress): boolean {
  const narrow = coversAddress(a, b) ? b : a;
  return coversAddress(narrow, a) || isLoopback(narrow.hostname) || narrow.hostname === "0.0.0.0";
}

function writtenIn(
  directives: readonly Directive[],
  block: string,
  addresses: readonly ListenAddress[],
): WrittenAddress[] {
  const directive = findDirective(directives, block)!;
  return written(directive.children ?? [], addresses, directive);
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
