import { parseOrigin } from "./address_values.ts";
import type { ForwardDestination } from "./forward_config.ts";
import { list, type Refuse, type ValueType } from "./value_type.ts";

/** Servers that get copies of streams. */
export const forwardDestinations: ValueType<readonly ForwardDestination[]> = list(
  "one or more of `host:port`, `rtmp://host:port/app/stream`, `rtmps://…`, each after `STREAM=` for that stream only; repeatable",
  parseDestination,
);

/** `app/stream=` or `stream=` before an address. */
const ONLY = /^([^\s=:/?#]+(?:\/[^\s=:?#]+)?)=(.+)$/s;

const URL_PARTS = /^(?:(rtmps?):\/\/)?([^/?#]*)([^?#]*)(.*)$/is;

/** Reads a destination as it is written in a file, or as a `backend` answers it. */
export function parseDestination(word: string, refuse: Refuse): ForwardDestination | undefined {
  const [, only = "", url = word] = ONLY.exec(word) ?? [];
  const [, schema = "", authority = "", path = "", params = ""] = URL_PARTS.exec(url) ?? [];
  if (authority.includes("@")) {
    return refuse("write no user and password; servers that need them are not supported");
  }
  if (schema === "" && path + params !== "") {
    return refuse("begin a URL with rtmp:// or rtmps://");
  }
  const isSecure = schema.toLowerCase() === "rtmps";
  const address = parseOrigin(`${isSecure ? "rtmps://" : ""}${authority}`, refuse);
  if (address === undefined) return undefined;
  const parts = path.split("/").filter((part) => part !== "");
  const name = parts.length > 1 && !path.endsWith("/") ? parts.pop()! : "";
  const stream = name === "" && params !== "" ? "[stream]" : name;
  return { url: word, address, only, app: parts.join("/"), stream: stream + params };
}
