/** What all routes here have in common. */

import { type Context, Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type { HttpBindings } from "./http_connection.ts";

/** What a hono app of this server is told beside the request. */
export interface HttpEnv {
  readonly Bindings: HttpBindings;
}

/** Some routes, to be mounted beside others. */
export type HttpApp = Hono<HttpEnv>;

/** A request on its way through an app. */
export type RouteContext = Context<HttpEnv>;

/** Answers a request for a route. */
export type RouteHandler = (c: RouteContext) => Response | Promise<Response>;

/**
 * An app in which a slash at the end of a path makes no difference, and whose faults reach the
 * caller.
 */
export function createApp(): HttpApp {
  const app = new Hono<HttpEnv>({ strict: false });
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    throw error;
  });
  return app;
}

/**
 * What the methods do on a path; a GET answers HEAD as well. Any other method is told which there
 * are.
 */
export function addRoute(
  app: HttpApp,
  path: string,
  handlers: Readonly<Partial<Record<"GET" | "DELETE", RouteHandler>>>,
): void {
  const allowed: string[] = [];
  for (const [method, handler] of Object.entries(handlers)) {
    app.on(method, path, handler);
    allowed.push(...(method === "GET" ? ["GET", "HEAD"] : [method]));
  }
  app.all(path, (c) => c.text("Method not allowed\n", 405, { allow: allowed.join(", ") }));
}
