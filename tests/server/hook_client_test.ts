/** Requests to HTTP servers that are slow, wrong, talkative or not there. */

import { HookClient, type HookFetch } from "../../lib/server/hook_client.ts";
import { HookDeadline } from "../../lib/server/hook_deadline.ts";
import { objectionTo } from "../../lib/server/http_hooks.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { HookScript, never } from "../helpers/hook_script.ts";
import { CollectedLog } from "../helpers/local_server.ts";

const TIMEOUT_MS = 5_000;
const A = "http://a.example/hook";
const B = "http://b.example/hook";

class Rig {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  readonly script = new HookScript();
  readonly client: HookClient;

  constructor(hookFetch?: HookFetch) {
    this.client = new HookClient({
      server: { serverId: "vid-1", serviceId: "s" },
      clock: this.clock,
      logger: this.log.logger,
      hookFetch: hookFetch ?? this.script.fetch,
    });
  }

  call(...urls: readonly string[]) {
    const deadline = new HookDeadline(this.clock, TIMEOUT_MS);
    deadline.start();
    return { action: "on_play", urls, payload: { action: "on_play" }, deadline } as const;
  }

  /** @returns what the client is told */
  async ask(...urls: readonly string[]): Promise<string | null> {
    const call = this.call(...urls);
    const verdict = await this.client.ask(call);
    call.deadline.end();
    return objectionTo("on_play", verdict);
  }
}

Deno.test("HookClient.ask() posts the payload as JSON and does not follow redirects", async () => {
  const rig = new Rig();
  assertEquals(await rig.ask(A), null);
  const [{ url, payload, init }] = rig.script.requests as [typeof rig.script.requests[0]];
  assertEquals([url, payload, init.method, init.redirect], [
    A,
    { action: "on_play" },
    "POST",
    "manual",
  ]);
  assertEquals(new Headers(init.headers).get("content-type"), "application/json");
  assertEquals([rig.clock.pendingCount, rig.log.urgent], [0, []]);
});

Deno.test("HookClient.ask() asks all URLs in order, and stops at the first that does not allow", async () => {
  const rig = new Rig();
  assertEquals(await rig.ask(A, B), null);
  assertEquals(rig.script.requests.map(({ url }) => url), [A, B]);
  rig.script.answer = ({ url }) => new Response(url === A ? '{"code":9}' : "0");
  assertEquals(await rig.ask(A, B), "Callback on_play refuses: code 9");
  assertEquals(rig.script.requests.map(({ url }) => url), [A, B, A]);
  assertEquals(await rig.ask(B, A), "Callback on_play refuses: code 9");
});

Deno.test("HookClient.report() reports to all URLs, no matter what they answer", async () => {
  const rig = new Rig();
  rig.script.answer = () => Promise.reject(new Error("gone"));
  await rig.client.report(rig.call(A, B));
  assertEquals(rig.script.requests.map(({ url }) => url), [A, B]);
});

Deno.test("HookClient.ask() asks one after the other, not both at once", async () => {
  const rig = new Rig();
  rig.script.answer = never;
  void rig.ask(A, B);
  await rig.clock.settle();
  assertEquals(rig.script.requests.length, 1);
  await rig.clock.advance(TIMEOUT_MS);
});

Deno.test("HookClient.ask() has one deadline for all URLs", async () => {
  const rig = new Rig();
  rig.script.answer = ({ url }) =>
    url === B ? never() : new Promise((resolve) => {
      rig.clock.after(4_000, () => resolve(new Response("0")));
    });
  let objection: string | null | undefined;
  void rig.ask(A, B).then((answer) => objection = answer);
  await rig.clock.advance(TIMEOUT_MS - 1);
  assertEquals(objection, undefined);
  await rig.clock.advance(1);
  assertEquals(objection, "Callback on_play failed: it did not answer within 5000 ms");
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("HookClient.ask() has the same deadline for the body as for the answer", async () => {
  const rig = new Rig();
  rig.script.answer = () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
  let objection: string | null | undefined;
  void rig.ask(A).then((answer) => objection = answer);
  await rig.clock.advance(TIMEOUT_MS);
  assertEquals(objection, "Callback on_play failed: it did not answer within 5000 ms");
});

Deno.test("HookClient.ask() aborts the request when its deadline is over or cancelled", async () => {
  for (const end of ["over", "cancelled"]) {
    const rig = new Rig();
    rig.script.answer = never;
    const call = rig.call(A, B);
    const verdict = rig.client.ask(call);
    await rig.clock.settle();
    if (end === "over") await rig.clock.advance(TIMEOUT_MS);
    else call.deadline.cancel();
    assertEquals((await verdict).type, "failed");
    assertEquals(rig.script.requests.map(({ init }) => init.signal?.aborted), [true]);
    assertEquals(rig.log.urgent.length, end === "over" ? 1 : 0, "only what is late is a failure");
    assertEquals(rig.clock.pendingCount, 0);
  }
});

Deno.test("HookClient.ask() reads an answer of 64 KiB and no more", async () => {
  const rig = new Rig();
  const padded = (length: number) => new Response("0".padEnd(length));
  rig.script.answer = () => padded(64 * 1024);
  assertEquals(await rig.ask(A), null);
  rig.script.answer = () => padded(64 * 1024 + 1);
  assertEquals(
    await rig.ask(A),
    "Callback on_play failed: it answered with more than 65536 bytes",
  );
});

Deno.test("HookClient.ask() does not read an endless answer", async () => {
  const rig = new Rig();
  let pulls = 0;
  let isCancelled = false;
  rig.script.answer = () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulls++;
          controller.enqueue(new Uint8Array(16 * 1024));
        },
        cancel() {
          isCancelled = true;
        },
      }),
    );
  assertMatch(String(await rig.ask(A)), /more than 65536 bytes$/);
  assert(isCancelled && pulls < 10);
});

Deno.test("HookClient.ask() logs more about an unreachable server than it tells the client", async () => {
  const url = "http://user:pass@a.example/hook?key=s3cret";
  // The text of Deno.
  const cause = new Error(
    "error sending request for url (http://a.example/hook?key=s3cret): client error (Connect): " +
      "tcp connect error: Connection refused (os error 111)",
  );
  const rig = new Rig(() => Promise.reject(new TypeError("fetch failed", { cause })));
  assertEquals(await rig.ask(url), "Callback on_play failed: it cannot be reached");
  assertEquals(rig.log.urgent.map(({ message, fields }) => ({ message, fields })), [{
    message: "Callback on_play failed: it cannot be reached",
    fields: {
      url: "http://a.example/hook",
      detail: "tcp connect error: Connection refused (os error 111)",
      count: 1,
      fix: "start the HTTP server, or correct its URL in http_hooks",
    },
  }]);
});

Deno.test("HookClient.ask() logs no cause that contains a URL in an unknown form", async () => {
  const rig = new Rig(() => Promise.reject(new Error("no http://a.example/hook?key=s3cret here")));
  await rig.ask(`${A}?key=s3cret`);
  assertEquals(rig.log.urgent.length, 1);
  assert(!JSON.stringify(rig.log.lines).includes("s3cret"));
});

Deno.test("HookClient.ask() logs the failures of a URL once in 10 s, with their count", async () => {
  const rig = new Rig();
  rig.script.answer = () => new Response("0", { status: 500 });
  for (let i = 0; i < 100; i++) await rig.ask(A);
  await rig.ask(B);
  await rig.clock.advance(10_000);
  await rig.ask(A);
  assertEquals(rig.log.urgent.map(({ fields }) => [fields["url"], fields["count"]]), [
    [A, 1],
    [B, 1],
    [A, 100],
  ]);
});

Deno.test("HookClient.ask() does not log a refusal as a failure", async () => {
  const rig = new Rig();
  rig.script.answer = () => new Response('{"code":1}');
  await rig.ask(A);
  assertEquals(rig.log.urgent, []);
});

Deno.test("HookClient.close() waits for what was tracked", async () => {
  const rig = new Rig();
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.client.track(promise);
  let isClosed = false;
  const closed = rig.client.close().then(() => isClosed = true);
  await rig.clock.settle();
  assertEquals(isClosed, false);
  resolve();
  await closed;
});
