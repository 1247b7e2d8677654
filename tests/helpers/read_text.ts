import { decodeUtf8 } from "../../lib/base/bytes.ts";
import type { MemoryTransport } from "./memory_network.ts";

/** Passes on what arrives at `transport` until its end, as text. */
export async function readText(
  transport: MemoryTransport,
  onText: (text: string) => void,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    while (true) {
      const count = await transport.read(buffer);
      if (count === null) return;
      onText(decodeUtf8(buffer.subarray(0, count)));
    }
  } catch (error) {
    if (!transport.isClosed) throw error;
  }
}
