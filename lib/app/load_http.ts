import type { Config } from "../config/config.ts";
import type { CreateHttp } from "./http_listeners.ts";

/**
 * Loads the HTTP side if the configuration asks for it; undefined otherwise. An edge that only
 * speaks RTMP does without: its libraries would take 8 MB more.
 */
export async function loadHttp({ httpApi, httpServer }: Config): Promise<CreateHttp | undefined> {
  if (!httpApi.enabled && !httpServer.enabled) return undefined;
  return (await import("./http_listeners.ts")).createHttpListeners;
}
