/** Writes a few log lines: arguments are the tank, the file and the format. */
import type { LogTank } from "../../../lib/logging/logging.ts";
import { createLogging } from "../../../lib/logging/logging.ts";
import type { LogFormat } from "../../../lib/logging/log_line.ts";

const [tank, file, format] = Deno.args;
const logging = createLogging({
  tank: tank as LogTank,
  file: file!,
  level: "info",
  format: format as LogFormat,
});
const logger = logging.logger.for("rtmp", "c12");
logger.debug("Too small to be seen");
logger.info("Connected {peer}", { peer: "127.0.0.1:5" });
logger.warning("Slow player");
logger.error("Broken chunk");
logging.notice("Ready", { port: 1935 });
logging.close();
logger.info("Logged after the end");
