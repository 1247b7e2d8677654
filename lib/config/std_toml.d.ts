/** @throws {SyntaxError} whose message names the line and column */
export function parse(text: string): Record<string, unknown>;
