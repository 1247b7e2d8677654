/**
 * Whether the server lives and whether it wants work, for whoever starts, stops and balances
 * servers.
 */

import { addRoute, createApp, type HttpApp } from "./routes.ts";

/** `/healthz` and `/readyz`. */
export function createHealthRoutes(isReady: () => boolean): HttpApp {
  const app = createApp();
  addRoute(app, "/healthz", { GET: (c) => c.text("ok\n") });
  addRoute(app, "/readyz", {
    GET: (c) => isReady() ? c.text("ready\n") : c.text("stopping\n", 503),
  });
  return app;
}
