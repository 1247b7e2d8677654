import { withForwarded } from "../../lib/http/forwarded.ts";
import { assertEquals } from "../helpers/assert.ts";

const TRUSTED = ["10.0.0.0/8"];

function seen(headers: HeadersInit, ip = "10.1.2.3"): { url: string; host: string | null } {
  const request = new Request("http://inner:8080/play/a%20b?x=%2F", { headers });
  const { url, headers: changed } = withForwarded(request, ip, TRUSTED);
  return { url, host: changed.get("host") };
}

Deno.test("A trusted proxy says by which scheme and host the client asked", () => {
  assertEquals(seen({ "x-forwarded-proto": "https", "x-forwarded-host": "tv.example" }), {
    url: "https://tv.example/play/a%20b?x=%2F",
    host: "tv.example",
  });
  assertEquals(
    seen({ "x-forwarded-proto": "https, http", "x-forwarded-host": "TV.example:8443, inner" }).url,
    "https://tv.example:8443/play/a%20b?x=%2F",
  );
  assertEquals(
    seen({ "x-forwarded-proto": "https" }).url,
    "https://inner:8080/play/a%20b?x=%2F",
  );
});

Deno.test("Other clients do not, nor do values that are no scheme or host", () => {
  const own = { url: "http://inner:8080/play/a%20b?x=%2F", host: null };
  assertEquals(seen({ "x-forwarded-host": "tv.example" }, "192.0.2.1"), own);
  for (const host of ["a/b", "a b", "user@host", "a:port", "", "[::1", "a:99999"]) {
    assertEquals(seen({ "x-forwarded-host": host }).url, own.url, host);
  }
  assertEquals(seen({ "x-forwarded-proto": "javascript" }), own);
});
