import type { NameResolver, ResolveOptions } from "./name_resolver.ts";

/** The machine's DNS. */
export const denoResolver: NameResolver = {
  async addresses(name, options) {
    try {
      return await Deno.resolveDns(name, "A", queryOptions(options));
    } catch (error) {
      // A server with addresses of both kinds is one server.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return await Deno.resolveDns(name, "AAAA", queryOptions(options));
    }
  },
  async services(name, options) {
    return await Deno.resolveDns(name, "SRV", queryOptions(options));
  },
};

function queryOptions({ server, signal }: ResolveOptions): Deno.ResolveDnsOptions {
  if (server === null) return { signal };
  return { signal, nameServer: { ipAddr: server.hostname, port: server.port } };
}
