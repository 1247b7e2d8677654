import { Hono } from "hono";
import { answerJsonp } from "../../lib/http/jsonp.ts";
import { assertEquals } from "../helpers/assert.ts";

async function get(path: string): Promise<readonly [string | null, string]> {
  const app = new Hono();
  app.use(answerJsonp);
  app.get("/", (c) => c.json({ a: "\u2028" }));
  app.get("/text", (c) => c.text("no"));
  const response = await app.request(path);
  return [response.headers.get("content-type"), await response.text()];
}

Deno.test("answerJsonp calls the function that a page names, as SRS does", async () => {
  assertEquals(await get("/?callback=angular.callbacks._0"), [
    "text/javascript; charset=utf-8",
    '/**/angular.callbacks._0({"a":"\\u2028"})',
  ]);
});

for (
  const path of ["/", "/?callback=", "/?callback=alert(1)", "/?callback=a;b", "/text?callback=f"]
) {
  Deno.test(`answerJsonp leaves the answer to ${path} as it is`, async () => {
    const [type, text] = await get(path);
    assertEquals(type?.includes("javascript"), false);
    assertEquals(text, path.startsWith("/text") ? "no" : '{"a":"\u2028"}');
  });
}
