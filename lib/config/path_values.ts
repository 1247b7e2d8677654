/** Types of values that are paths with placeholders. */

import { single, type ValueType } from "./value_type.ts";

/** Options of {@linkcode fileTemplate}. */
interface TemplateOptions {
  /** Required ending, with the dot. */
  readonly ending: string;
  /** Placeholders of which the path needs at least one; empty when it needs none. */
  readonly oneOf: readonly string[];
}

/** A path below a folder. It must contain `[stream]`, so that no two streams share a file. */
export function fileTemplate({ ending, oneOf }: TemplateOptions): ValueType<string> {
  const others = oneOf.length === 0 ? "" : ` and ${oneOf.join(" or ")}`;
  return single(`a path with \`[stream]\`${others}, ending in \`${ending}\``, (word, refuse) => {
    const parts = word.split("/");
    if (word.startsWith("/") || parts.includes("..") || word.includes("\\")) {
      return refuse("write a path relative to hls_path, without ..");
    }
    const isUnique = word.includes("[stream]") &&
      (oneOf.length === 0 || oneOf.some((mark) => word.includes(mark)));
    if (!isUnique) return refuse(`add [stream]${others}`, "gives several files the same name");
    return word.endsWith(ending) ? word : refuse(`end it in ${ending}`);
  });
}

/** Endings of mounts that SRS serves and this server does not. */
const FOREIGN_MOUNT = /\.(ts|aac|mp3)$/;

/**
 * The path of FLV streams. The only host allowed before it is `[vhost]`. Mounts of SRS's other
 * formats pass, so that its files load; `build_config.ts` warns about them.
 */
export const flvMount: ValueType<string> = single(
  "a path with `[app]` and `[stream]`, ending in `.flv`",
  (word, refuse) => {
    const path = word.replace(/^\[vhost\](?=\/)/, "");
    if (!path.startsWith("/") || path.includes("[vhost]")) {
      return refuse("start it with [vhost]/ or /");
    }
    if (!path.endsWith(".flv") && !FOREIGN_MOUNT.test(path)) return refuse("end it in .flv");
    const isWhole = path.split("[app]").length === 2 && path.split("[stream]").length === 2;
    return isWhole ? word : refuse("write [app] and [stream] once each");
  },
);
