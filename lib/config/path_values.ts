/** Types of values that are paths with placeholders. */

import { list, single, type ValueType } from "./value_type.ts";

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
const FOREIGN_MOUNT = /\.(aac|mp3)$/;

/**
 * The path of FLV streams. The only host allowed before it is `[vhost]`. Mounts of SRS's other
 * formats pass, so that its files load; `build_config.ts` warns about them.
 */
export const flvMount: ValueType<string> = single(
  "a path with `[app]` and `[stream]`, ending in `.flv` or `.ts`",
  (word, refuse) => {
    const path = word.replace(/^\[vhost\](?=\/)/, "");
    if (!path.startsWith("/") || path.includes("[vhost]")) {
      return refuse("start it with [vhost]/ or /");
    }
    if (!/\.(?:flv|ts)$/.test(path) && !FOREIGN_MOUNT.test(path)) {
      return refuse("end it in .flv or .ts");
    }
    const isWhole = path.split("[app]").length === 2 && path.split("[stream]").length === 2;
    return isWhole ? word : refuse("write [app] and [stream] once each");
  },
);

/** Streams as `app/stream`; empty for all streams. */
export const streamNames: ValueType<readonly string[]> = {
  ...list("`all`, or one or more of `app/stream`", (word) => word),
  parse(directive, problems) {
    const type = list("", (word, refuse) => {
      if (word === "all" && directive.args.length === 1) return word;
      return /^[^/].*\/[^/]+$/.test(word) ? word : refuse("write all, or names such as live/show");
    });
    const names = type.parse(directive, problems);
    return names?.[0] === "all" ? [] : names;
  },
};

/** What a recording is called in a `dvr_path` that is a folder, as in SRS 1. */
const DEFAULT_RECORDING = "[stream].[timestamp].flv";

/** The path of recordings. Any folder: it is the operator's choice. */
export const recordingPath: ValueType<string> = single(
  "a path, ending in `.flv` or `.mp4`; or a folder",
  (word, refuse) => {
    if (word.includes("\0") || word === "") return refuse("write a path");
    return /\.(flv|mp4)$/.test(word) ? word : `${word.replace(/\/+$/, "")}/${DEFAULT_RECORDING}`;
  },
);
