/** Where the runtime's debugger listens unless it is told otherwise. */
const DEBUGGER = { hostname: "127.0.0.1", port: 9229 } as const;

/**
 * Keeps the runtime from opening its debugger at SIGUSR1, the signal of log rotation. From Deno
 * 2.9.2 on, `deno run` does so beside what the program does, and any user of the machine could then
 * run code in this process. It cannot be told not to, so its port is taken. Servers share the port;
 * while another program has it, the debugger cannot. Compiled executables have no debugger.
 *
 * @returns gives the port back
 */
export function blockDebugger(): () => void {
  const host = `${DEBUGGER.hostname}:${DEBUGGER.port}`;
  const isAllowed = Deno.permissions.querySync({ name: "net", host }).state === "granted";
  if (Deno.build.standalone || Deno.build.os === "windows" || !isAllowed) return () => {};
  try {
    const listener = Deno.listen({ ...DEBUGGER, reusePort: Deno.build.os === "linux" });
    return () => listener.close();
  } catch {
    return () => {}; // Another program has it, or this one for its clients.
  }
}
