import { CONTROL_OPERATIONS, type Operation, OPERATIONS } from "../lib/http/api_table.ts";

/** Returns `docs/api.md`: every route of the API, from the table that makes the routes. */
export function renderApiPage(): string {
  const operations = Object.values<Operation>({ ...OPERATIONS, ...CONTROL_OPERATIONS });
  const sections = operations.map(({ method, path, doc, query = [], fields }) =>
    [
      `## ${method} ${path}`,
      "",
      doc,
      ...(fields === undefined ? [] : ["", `Answer: \`${fields}\`.`]),
      ...(query.length === 0
        ? []
        : ["", ...query.map(({ name, doc }) => `- \`${name}\`: ${doc}.`)]),
      "",
    ].join("\n")
  );
  return [
    "<!-- Written by `deno task docs` from lib/http/api_table.ts. -->",
    "",
    "# Routes of the API",
    "",
    "What they mean, and how they differ from SRS: [http.md](http.md#the-api). The same as OpenAPI:",
    "`GET /api/v1/openapi.json`. Parameters stand in the query, or, where something changes, in a JSON object as the body.",
    "",
    ...sections,
  ].join("\n");
}
