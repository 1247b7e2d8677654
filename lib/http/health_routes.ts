import { addRoute, createApp, type HttpApp } from "./routes.ts";

/**
 * Returns the routes `/healthz`, whether the server runs, and `/readyz`, whether it accepts work:
 * for supervisors and load balancers.
 */
export function createHealthRoutes(isReady: () => boolean): HttpApp {
  const app = createApp();
  addRoute(app, "/healthz", { GET: (c) => c.text("ok\n") });
  addRoute(app, "/readyz", {
    GET: (c) => isReady() ? c.text("ready\n") : c.text("stopping\n", 503),
  });
  return app;
}
