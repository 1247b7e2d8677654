import { openApi, OPERATIONS } from "../../lib/http/api_table.ts";
import { createApiRoutes } from "../../lib/http/api_routes.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeView } from "./fake_view.ts";

// deno-lint-ignore no-explicit-any -- answers are looked into field by field
type Answer = any;

const app = createApiRoutes({
  view: new FakeView(),
  identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
  now: () => 0,
  drain: () => null,
});

async function get(path: string): Promise<Answer> {
  return await (await app.request(path)).json();
}

Deno.test("the OpenAPI description has every route, with its parameters", async () => {
  const { openapi, paths } = await get("/api/v1/openapi.json");
  assertEquals(openapi, "3.1.0");
  assertEquals(Object.keys(paths["/api/v1/clients/{id}"]), ["get", "delete"]);
  const names = paths["/api/v1/streams"].get.parameters.map((one: Answer) => one.name);
  assertEquals(names, ["start", "count", "search", "sort"]);
  const ids = Object.values(paths).flatMap((path: Answer) =>
    Object.values(path).map((one: Answer) => one.operationId)
  );
  assertEquals(ids.filter((id) => id in OPERATIONS).length, Object.keys(OPERATIONS).length);
  assertEquals(openApi("1").info, { ...(openApi("1").info as Answer) });
});

Deno.test("streams and clients are searched and sorted by the server", async () => {
  const names = async (query: string) =>
    (await get(`/api/v1/streams?${query}`)).streams.map((one: Answer) => one.url);
  assertEquals(await names("search=ROOM"), ["edge.example/live/room/show"]);
  assertEquals(await names("search=nothing"), []);
  assertEquals(await names("sort=-name"), ["edge.example/live/room/show", "/live/show"]);
  assertEquals((await names("sort=constructor")).length, 2);
  const clients = await get("/api/v1/clients?search=rtmp-play");
  assertEquals([clients.total, clients.clients[0].type], [1, "rtmp-play"]);
  const ofStream = await get(`/api/v1/clients?stream=${clients.clients[0].url}&type=fmle-publish`);
  assertEquals(ofStream.clients.every((one: Answer) => one.type === "fmle-publish"), true);
});
