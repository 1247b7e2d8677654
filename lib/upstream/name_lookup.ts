import { describeError } from "../base/errors.ts";
import { isIp, isIpv6 } from "../config/address.ts";
import type { DiscoveredOrigin, OriginName } from "../config/origin_address.ts";
import { formatAddress, formatOrigin } from "../io/address.ts";
import type { NameResolver, ResolveOptions, ServiceRecord } from "../io/name_resolver.ts";

/** Most origins that a name stands for. */
export const MAX_ADDRESSES = 256;

/** What the DNS says of a name. */
export interface NameAnswer {
  /** At least one, each address once, in an order that does not depend on that of the records. */
  readonly origins: readonly DiscoveredOrigin[];
  /** Records that were left out because they are no address of a server, or are too many. */
  readonly refused: number;
}

/**
 * Looks up the servers that `name` stands for.
 *
 * @throws {Error} when it has none, or no name server answers
 */
export async function lookUpName(
  name: OriginName,
  resolver: NameResolver,
  options: ResolveOptions,
): Promise<NameAnswer> {
  const { hostname, port } = name;
  const found = name.discovery === "dns"
    ? (await resolver.addresses(hostname, options)).map((address) => ({
      ...{ hostname: address, port, certificateName: hostname },
      ...{ weight: 1, tier: 0 },
    }))
    : await lookUpServices(hostname, resolver, options);
  const usable = new Map<string, DiscoveredOrigin>();
  for (const { certificateName, ...server } of found) {
    if (!isServerAddress(server.hostname) || server.port === 0) continue;
    const tls = name.isSecure === true ? { isSecure: name.isSecure, certificateName } : {};
    const key = formatAddress(server);
    if (!usable.has(key)) usable.set(key, { ...server, ...tls, group: formatOrigin(name) });
  }
  if (usable.size === 0) throw new Error(`${hostname} has no usable address`);
  const sorted = [...usable].sort(([left], [right]) => left < right ? -1 : 1);
  const origins = sorted.slice(0, MAX_ADDRESSES).map(([, origin]) => origin);
  return { origins, refused: found.length - origins.length };
}

/** A server before it is known to be usable. */
type Found = Required<Omit<DiscoveredOrigin, "group" | "isSecure">>;

async function lookUpServices(
  name: string,
  resolver: NameResolver,
  options: ResolveOptions,
): Promise<Found[]> {
  const records = await resolver.services(name, options);
  const sorted = records.toSorted((left, right) => left.priority - right.priority);
  const answers = await Promise.allSettled(
    sorted.slice(0, MAX_ADDRESSES).map((record) => lookUpService(record, resolver, options)),
  );
  const found = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  const failed = answers.find((answer) => answer.status === "rejected");
  // A part of the servers is no answer: those that are missing would lose their streams.
  if (failed !== undefined) throw new Error(describeError(failed.reason));
  return found;
}

async function lookUpService(
  { target, port, priority, weight }: ServiceRecord,
  resolver: NameResolver,
  options: ResolveOptions,
): Promise<Found[]> {
  const certificateName = target.replace(/\.$/, "");
  const addresses = await resolver.addresses(target, options);
  return addresses.map((hostname) => ({
    ...{ hostname, port, certificateName },
    ...{ weight: Math.max(1, weight) / addresses.length, tier: priority },
  }));
}

/** Whether it can be the address of one server: not unspecified, multicast or broadcast. */
function isServerAddress(address: string): boolean {
  if (!isIp(address)) return false;
  if (isIpv6(address)) return !/^ff|^[0:]*$/i.test(address);
  const first = Number(address.slice(0, address.indexOf(".")));
  return first > 0 && first < 224;
}
