import { createSocket, type Socket } from "node:dgram";
import type { ServiceRecord } from "../../lib/io/name_resolver.ts";

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;

/** Address records, or service records, of a name. */
interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly srv?: readonly ServiceRecord[];
}

/** A name server on loopback (RFC 1035), whose records a test sets. */
export class DnsServer implements AsyncDisposable {
  readonly port: number;
  /** By name, in lower case and without the final dot. */
  readonly zones = new Map<string, Zone>();
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.address().port;
    socket.on("message", (question, from) => {
      socket.send(this.#answer(question), from.port, from.address);
    });
  }

  static async start(): Promise<DnsServer> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new DnsServer(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(question: Uint8Array): Uint8Array {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at]!; length > 0; length = question[at]!) {
      labels.push(String.fromCharCode(...question.subarray(at + 1, at + 1 + length)));
      at += length + 1;
    }
    const end = at + 5;
    const type = question[at + 2]!;
    const zone = this.zones.get(labels.join(".").toLowerCase());
    const records = zone === undefined ? [] : recordsOf(zone, type);
    const bytes = [...question.subarray(0, end)];
    // An authoritative answer; no error, or NXDOMAIN. Counts: 1 question, n answers, nothing else.
    bytes.splice(2, 10, 0x85, zone === undefined ? 3 : 0, 0, 1, 0, records.length, 0, 0, 0, 0);
    for (const data of records) {
      // The name of the question, its type, class IN, 60 s.
      bytes.push(0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, ...u16(data.length), ...data);
    }
    return new Uint8Array(bytes);
  }
}

function recordsOf({ a = [], aaaa = [], srv = [] }: Zone, type: number): number[][] {
  switch (type) {
    case TYPES.A:
      return a.map((address) => address.split(".").map(Number));
    case TYPES.AAAA:
      return aaaa.map(ipv6Bytes);
    case TYPES.SRV:
      return srv.map(({ priority, weight, port, target }) => [
        ...[...u16(priority), ...u16(weight), ...u16(port)],
        ...target.replace(/\.$/, "").split(".").flatMap((label) => [
          label.length,
          ...new TextEncoder().encode(label),
        ]),
        0,
      ]);
    default:
      return [];
  }
}

/** Writes an address with `::` in full. */
function ipv6Bytes(address: string): number[] {
  const [head = "", tail = ""] = address.split("::");
  const [first, last] = [head, tail].map((part) => part === "" ? [] : part.split(":"));
  const zeros = Array.from({ length: 8 - first!.length - last!.length }, () => "0");
  return [...first!, ...zeros, ...last!].flatMap((group) => u16(parseInt(group, 16)));
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}
