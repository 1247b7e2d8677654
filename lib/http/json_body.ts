import type { MiddlewareHandler } from "hono";

/** Values that a parameter may have. */
const SIMPLE = new Set(["string", "number", "boolean"]);

/**
 * Takes the parameters of a request from a JSON object in its body. Those in the query go first.
 * Answers 400 to anything else in a body of this type.
 */
export const readJsonBody: MiddlewareHandler = async (c, next) => {
  const { method, headers, url } = c.req.raw;
  const isJson = headers.get("content-type")?.startsWith("application/json") === true;
  const text = isJson ? await c.req.raw.text() : "";
  if (text !== "") {
    const fields = parseFields(text);
    if (fields === null) {
      return c.text('Write the body as a JSON object: {"tcUrl": "rtmp://HOST"}\n', 400);
    }
    const target = new URL(url);
    for (const [name, value] of fields) {
      if (!target.searchParams.has(name)) target.searchParams.set(name, String(value));
    }
    const others = new Headers(headers);
    others.delete("content-length");
    c.req.raw = new Request(target, { method, headers: others });
  }
  await next();
};

/** @returns null if the text is no object of simple values. */
function parseFields(text: string): [name: string, value: unknown][] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    const fields = Object.entries(value);
    return fields.every(([, each]) => SIMPLE.has(typeof each)) ? fields : null;
  } catch {
    return null;
  }
}
