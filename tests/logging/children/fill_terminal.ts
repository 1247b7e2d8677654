/** Logs more than a pipe holds (with an argument: a little), closes the log, and exits with 5. */
import { createLogging } from "../../../lib/logging/logging.ts";

const logging = createLogging({ tank: "console", file: "", level: "info", format: "text" });
const count = Deno.args.length === 0 ? 20_000 : 1000;
for (let i = 0; i < count; i++) logging.logger.info("x".repeat(200), { i });
await logging.close();
Deno.exit(5);
