import { readConfigText } from "../config/load.ts";
import { migrateConfig, type Migration } from "../config/migrate/migrate.ts";

/**
 * Migrates a configuration of SRS or nginx-rtmp.
 *
 * @throws {ConfigError} when the file cannot be read, or is not valid
 */
export function migrate(path: string): Migration {
  const { text, readFile } = readConfigText(path);
  return migrateConfig(text, path, readFile);
}

/** Returns the report of a migration, a line each. */
export function describeMigration(path: string, { kept, notes }: Migration): string[] {
  const count = (kind: string) => notes.filter((note) => note.kind === kind).length;
  return [
    ...notes.map(({ kind, file, line, column, what }) =>
      `${file}:${line}:${column}: ${kind}: ${what}`
    ),
    `${path}: ${kept} directives honoured, ${count("different")} different, ${
      count("ignored")
    } ignored`,
  ];
}
