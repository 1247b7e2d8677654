/**
 * Extracts the base runtime (`denort`) from a program that `deno compile` made for Linux:
 * everything up to the end of the ELF section header table. The program's own data follows it.
 *
 *     deno run --allow-read --allow-write .ci/cut_denort.ts PROGRAM DENORT
 */

/** Offsets of ELF64 header fields, little-endian, named as in the System V ABI. */
const E_SHOFF = 0x28;
const E_SHENTSIZE = 0x3a;
const E_SHNUM = 0x3c;

/** "\x7fELF", 64-bit, little-endian. */
const ELF64_LITTLE_ENDIAN = [0x7f, 0x45, 0x4c, 0x46, 2, 1];

const [program, denort] = Deno.args;
if (program === undefined || denort === undefined) throw new Error("usage: PROGRAM DENORT");
const bytes = await Deno.readFile(program);
await Deno.writeFile(denort, bytes.subarray(0, elfSize(bytes)), { mode: 0o755 });

function elfSize(bytes: Uint8Array): number {
  if (ELF64_LITTLE_ENDIAN.some((byte, offset) => bytes[offset] !== byte)) {
    throw new Error("Not a little-endian ELF64 program; compile on 64-bit Linux");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableStart = Number(view.getBigUint64(E_SHOFF, true));
  return tableStart + view.getUint16(E_SHENTSIZE, true) * view.getUint16(E_SHNUM, true);
}
