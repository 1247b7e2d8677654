/**
 * Writes a few log lines. Arguments: tank, file and format; then, optionally, the same three and a
 * level to configure before the lines are written again, or `reopen` and a new name for the file.
 */
import type { LogLevel } from "../../../lib/base/log.ts";
import type { LogConfig } from "../../../lib/config/config.ts";
import { createLogging } from "../../../lib/logging/logging.ts";

function configFrom([tank, file, format, level = "info"]: readonly string[]): LogConfig {
  return {
    tank: tank as LogConfig["tank"],
    file: file!,
    level: level as LogLevel,
    format: format as LogConfig["format"],
  };
}

function writeLines(): void {
  logger.debug("Not important");
  logger.info("Connected {peer}", { peer: "127.0.0.1:5" });
  logger.warning("Slow player");
  logger.error("Broken chunk");
  logging.notice("Ready", { port: 1935 });
}

const logging = createLogging(configFrom(Deno.args.slice(0, 3)));
const logger = logging.logger.for("rtmp", "c12");
writeLines();
if (Deno.args[3] === "reopen") {
  Deno.renameSync(Deno.args[1]!, Deno.args[4]!);
  writeLines();
  logging.reopen("test");
  writeLines();
} else if (Deno.args.length > 3) {
  logging.configure(configFrom(Deno.args.slice(3)));
  writeLines();
}
const closed = logging.close();
logger.info("Logged after the end");
await closed;
