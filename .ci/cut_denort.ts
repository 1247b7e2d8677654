/**
 * Takes the base runtime (`denort`) out of a program that `deno compile` made for Linux: everything up to
 * the end of the ELF section header table; what follows is the program itself.
 *
 *     deno run --allow-read --allow-write .ci/cut_denort.ts PROGRAM DENORT
 */

/** Fields of an ELF64 header, little-endian, by their names and offsets in the System V ABI. */
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
    throw new Error("Cannot cut a file that is no little-endian ELF64 program");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableStart = Number(view.getBigUint64(E_SHOFF, true));
  return tableStart + view.getUint16(E_SHENTSIZE, true) * view.getUint16(E_SHNUM, true);
}
