import type { Manifest } from '../repository/manifest.ts';
import type { BackupContent } from './types.ts';

/** The parts of an index that a list shows; an engine's index may hold more, or not all of them. */
interface Index {
  databases?: {
    name?: string;
    size?: number | null;
    inventory?: {
      schemas?: string[];
      tables?: {
        schema: string;
        name: string;
        kind: string;
        rows: number | null;
        exact: boolean;
        bytes: number;
      }[];
      extensions?: { name: string; version: string }[];
      large_objects?: number;
    };
  }[];
}

/** An index as rows: each database, then its schemas, tables, extensions and large objects. */
export function toContents(index: unknown, manifest: Manifest): BackupContent[] {
  const { databases = [] } = (index ?? {}) as Index;
  const sizes = new Map(manifest.contents.map(({ name, size }) => [name, size]));
  const row = (database: string, kind: string, name: string): BackupContent => ({
    database,
    kind,
    name,
    size: null,
    rows: null,
    exact: null,
  });
  return databases.flatMap(({ name: database = '', size, inventory }) => [
    { ...row(database, 'database', database), size: sizes.get(database) ?? size ?? null },
    ...(inventory?.schemas ?? []).map((name) => row(database, 'schema', name)),
    ...(inventory?.tables ?? []).map(({ schema, name, kind, rows, exact, bytes }) => ({
      ...row(database, kind, `${schema}.${name}`),
      size: bytes,
      rows,
      exact: rows === null ? null : exact,
    })),
    ...(inventory?.extensions ?? []).map(({ name, version }) =>
      row(database, 'extension', `${name} ${version}`),
    ),
    ...(inventory?.large_objects
      ? [{ ...row(database, 'large objects', ''), rows: inventory.large_objects, exact: true }]
      : []),
  ]);
}
