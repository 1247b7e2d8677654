/** Returns the lines of a Markdown table with aligned columns, as `deno fmt` writes it. */
export function markdownTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...rows.map((row) => row[column]!.length))
  );
  const line = (cells: readonly string[], fill: string) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(" | ")} |`;
  return [
    line(headers, " "),
    line(headers.map(() => ""), "-"),
    ...rows.map((row) => line(row, " ")),
  ];
}
