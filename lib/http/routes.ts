/** Types and helpers shared by all routes. */

import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { HttpBindings } from "./http_connection.ts";

/** What hono apps of this server get in addition to the request. */
interface HttpEnv {
  readonly Bindings: HttpBindings;
}

/** Routes that can be mounted into another app. */
export type HttpApp = Hono<HttpEnv>;

/** A request and its response in an app. */
export type RouteContext = Context<HttpEnv>;

/** Answers a request for a route. */
export type RouteHandler = (c: RouteContext) => Response | Promise<Response>;

/**
 * Returns an app that ignores a slash at the end of a path, and throws its errors to the caller.
 */
export function createApp(): HttpApp {
  const app = new Hono<HttpEnv>({ strict: false });
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    throw error;
  });
  return app;
}

/** Adds the methods of a path. GET answers HEAD as well; other methods get a 405. */
export function addRoute(
  app: HttpApp,
  path: string,
  handlers: Readonly<Partial<Record<"GET" | "DELETE" | "POST", RouteHandler>>>,
): void {
  const allowed: string[] = [];
  for (const [method, handler] of Object.entries(handlers)) {
    app.on(method, path, handler);
    allowed.push(...(method === "GET" ? ["GET", "HEAD"] : [method]));
  }
  app.all(path, (c) => c.text("Method not allowed\n", 405, { allow: allowed.join(", ") }));
}
