import type { MiddlewareHandler } from "hono";

/** A name that a page may give its function: nothing that could be other code. */
const CALLBACK = /^[A-Za-z_$][\w$.]{0,63}$/;

/**
 * Answers a GET with a `callback` parameter as a script that calls this function, as SRS does.
 * Without a valid name the answer is plain JSON.
 */
export const answerJsonp: MiddlewareHandler = async (c, next) => {
  await next();
  const callback = c.req.query("callback") ?? "";
  const isJson = c.res.headers.get("content-type")?.startsWith("application/json") ?? false;
  if (c.req.method !== "GET" || !isJson || !CALLBACK.test(callback)) return;
  // The comment keeps Flash from taking the answer for a film. Escaped: no valid script otherwise.
  const json = (await c.res.text()).replace(
    /[\u2028\u2029]/g,
    (char) => char === "\u2028" ? "\\u2028" : "\\u2029",
  );
  c.res = new Response(`/**/${callback}(${json})`, {
    headers: {
      "content-type": "text/javascript; charset=utf-8",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
};
