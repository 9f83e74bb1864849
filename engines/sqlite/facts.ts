import type { ContentLine, Coverage, EngineFacts, IndexSource } from '../facts.ts';
import type { SqliteIndex } from './backup-index.ts';
import { stockRestore } from './stock-restore.ts';
import { checkUrl, pathOf } from './url.ts';

export const facts: EngineFacts = {
  name: 'sqlite',
  title: 'SQLite',
  urlForms: ['sqlite:///PATH of a database file of the worker'],
  capabilities: {
    methods: ['physical'],
    increments: false,
    // A copy of pages knows no tables.
    selection: { include: null, exclude: null, schemaOnly: false, dataOnly: false },
    restore: { rename: false, overwrite: true, directory: true, include: null, flags: [] },
    statements: false,
    drill: true,
  },
  checkUrl,
  filesIn: () => [],
  directoriesIn: (url) => [pathOf(url)],
  coverage,
  contents,
  stockRestore,
};

function coverage(url: string): Coverage {
  return {
    contains: [
      `the database ${pathOf(url)} as of one instant, what is still in its write-ahead log included`,
      'every page of it: tables with their rowids, indexes, views, triggers, virtual tables, sequences, statistics, page size, user_version, application_id',
      'the permission bits and the owner of the file, by number',
    ],
    lacks: [
      'transactions that were not committed',
      'databases that programs attach to it, and files that its rows only name',
      'extensions, collations and functions of the programs that use it',
      'any part alone: a copy of pages knows no tables',
    ],
  };
}

async function* contents({ index, manifest }: IndexSource): AsyncGenerator<ContentLine, void, void> {
  const { inventory } = ((await index('index')) ?? {}) as Partial<SqliteIndex>;
  const [content] = manifest.contents;
  const database = content?.name ?? '';
  yield { database, kind: 'database', name: database, size: content?.size ?? null, rows: null, exact: null };
  for (const { kind, name, rows } of inventory?.objects ?? []) {
    yield { database, kind, name, size: null, rows, exact: rows === null ? null : true };
  }
}
