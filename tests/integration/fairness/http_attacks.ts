import { type Attacks, crowd, PASSWORD, pause } from "./attack.ts";

let count = 0;

const UTF8 = new TextEncoder();

/** A connection that sends `text`, and reads what comes unless it is lazy. */
async function send(port: number, text: string, isReading = true): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(UTF8.encode(text));
  if (isReading) void conn.readable.pipeTo(new WritableStream()).catch(() => {});
  return conn;
}

/** Requests without end over a few connections. */
function requests(path: () => string, headers = "", at: "api" | "http" = "http"): Attacks[string] {
  return (target) =>
    crowd(20, async () => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: target[at] });
      void conn.readable.pipeTo(new WritableStream()).catch(() => {});
      const writer = conn.writable.getWriter();
      while (true) {
        const text = Array.from(
          { length: 20 },
          () => `GET ${path()} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`,
        );
        await writer.write(UTF8.encode(text.join("")));
        await pause(1);
      }
    });
}

function basic(password: string): string {
  return `Authorization: Basic ${btoa(`admin:${password}`)}\r\n`;
}

/** What HTTP clients may do. */
export const HTTP_ATTACKS: Attacks = {
  "heads that do not end": ({ http }) =>
    crowd(300, async () => {
      await send(http, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ");
      await pause(60_000);
    }),
  "long heads": ({ http }) =>
    crowd(20, async () => {
      const conn = await send(http, `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(200_000)}`);
      await pause(20);
      conn.close();
    }),
  "failed logins": requests(() => "/api/v1/clients", basic("guess"), "api"),
  "lists of the API": requests(() => "/api/v1/clients?count=1000", basic(PASSWORD), "api"),
  "metrics": requests(() => "/metrics", basic(PASSWORD), "api"),
  "playlists of names that were never live": requests(() => `/live/x${count++}.m3u8`),
  "FLV of names that were never live": ({ http }) =>
    crowd(100, async () => {
      const path = `/live/x${count++}.flv`;
      const conn = await send(http, `GET ${path} HTTP/1.1\r\nHost: edge.example\r\n\r\n`);
      await pause(50);
      conn.close();
    }),
  "FLV viewers that do not read": ({ http }) =>
    crowd(100, async () => {
      await send(http, "GET /live/honest0.flv HTTP/1.1\r\nHost: a\r\n\r\n", false);
      await pause(60_000);
    }),
  "WebSocket frames": ({ http }) =>
    crowd(4, async () => {
      const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
      const upgrade = `Upgrade: websocket\r\nConnection: Upgrade\r\n${key}`;
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: http });
      const writer = conn.writable.getWriter();
      await writer.write(
        UTF8.encode(`GET /live/honest0.flv HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`),
      );
      // Masked pings without content; the answers are not read.
      const pings = new Uint8Array(60_000);
      for (let at = 0; at < pings.length; at += 6) pings.set([0x89, 0x80, 1, 2, 3, 4], at);
      while (true) await writer.write(pings);
    }),
};
