/** Whether `pattern` covers `ip`: `all`, an address, or a CIDR range such as `10.0.0.0/8`. */
export function matchesAddress(pattern: string, ip: string): boolean {
  if (pattern === "all") return true;
  const [base = "", bits] = pattern.split("/");
  const want = parseAddress(base);
  const have = parseAddress(ip);
  if (want === null || have === null || want.length !== have.length) return false;
  return sharesPrefix(want, have, bits === undefined ? want.length * 8 : Number(bits));
}

/** Whether one of `patterns` covers `ip`; each as in {@linkcode matchesAddress}. */
export function matchesAny(patterns: readonly string[], ip: string): boolean {
  return patterns.some((pattern) => matchesAddress(pattern, ip));
}

function sharesPrefix(left: Uint8Array, right: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >>> (bit % 8);
    const at = bit >>> 3;
    if ((left[at]! & mask) !== (right[at]! & mask)) return false;
  }
  return true;
}

/** Bytes of an address, or null when it is invalid. An IPv4-mapped IPv6 address counts as IPv4. */
function parseAddress(text: string): Uint8Array | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  return parseIpv4(mapped?.[1] ?? text) ?? parseIpv6(text);
}

function parseIpv4(text: string): Uint8Array | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const parts = match.slice(1).map(Number);
  return parts.every((part) => part <= 255) ? Uint8Array.from(parts) : null;
}

function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, rear] = [groupsOf(halves[0] ?? ""), groupsOf(halves[1] ?? "")];
  const missing = 8 - head.length - rear.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...rear];
  if (!groups.every((group) => group >= 0 && group <= 0xFFFF)) return null;
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xFF]));
}

function groupsOf(text: string): number[] {
  if (text === "") return [];
  return text.split(":").map((group) => /^[0-9a-f]{1,4}$/i.test(group) ? parseInt(group, 16) : -1);
}
