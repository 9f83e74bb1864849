import type { Selection } from '../engine.ts';
import type { ContentLine, Coverage, EngineFacts, IndexSource } from '../facts.ts';
import type { PostgresIndex } from './backup-index.ts';
import { stockRestore } from './stock-restore.ts';
import { checkUrl, filesIn, parsePostgresUrl } from './url.ts';

export const facts: EngineFacts = {
  name: 'postgres',
  title: 'PostgreSQL',
  urlForms: [
    'postgres://USER@HOST:PORT/DATABASE; without a database: all of them, new ones too, and the globals',
  ],
  capabilities: {
    methods: ['logical'],
    increments: false,
    selection: {
      include: 'a schema, or SCHEMA.TABLE',
      exclude: 'a schema, or SCHEMA.TABLE',
      schemaOnly: true,
      dataOnly: true,
    },
    restore: {
      rename: true,
      overwrite: true,
      directory: false,
      include: 'a schema, or SCHEMA.TABLE',
      flags: ['globals', 'noOwner', 'noPrivileges', 'noTablespaces', 'disconnect'],
    },
    statements: true,
    drill: true,
  },
  checkUrl,
  filesIn,
  coverage,
  contents,
  stockRestore,
};

function coverage(url: string, selection: Selection): Coverage {
  const { database } = parsePostgresUrl(url);
  const { include = [], exclude = [], schema_only, data_only } = selection;
  const rows =
    schema_only === true ? 'without rows' : data_only === true ? 'the rows alone' : 'with all rows';
  return {
    contains: [
      database === null
        ? `every database that the user may connect to, new ones too, each as of one instant of its own, ${rows}`
        : `the database ${database} as of one instant, ${rows}`,
      ...(include.length > 0 ? [`of it only ${include.join(', ')}`] : []),
      data_only === true
        ? 'large objects and the values of sequences; for a database that has the tables already, by `backup-show --how-to-restore`'
        : 'tables, sequences, views, functions, types, extensions by name, large objects, comments, privileges, and the settings of the database',
      ...(database === null && data_only !== true
        ? ['roles, their memberships and tablespaces, with passwords if the user may read them']
        : []),
    ],
    lacks: [
      ...exclude.map((pattern) => `${pattern}, which is left out`),
      ...(data_only === true ? ['the definitions of all of it: tables, views, functions, roles'] : []),
      ...(database === null || data_only === true
        ? []
        : ['roles and tablespaces: they belong to the server (back up the server for them)']),
      'rows of unlogged and temporary tables of other sessions, statistics, the log (no point in time between two backups)',
      "the server's configuration files, replication slots, the code of extensions",
    ],
  };
}

async function* contents({ index, manifest }: IndexSource): AsyncGenerator<ContentLine, void, void> {
  const { databases = [] } = ((await index('index')) ?? {}) as Partial<PostgresIndex>;
  const sizes = new Map(manifest.contents.map(({ name, size }) => [name, size]));
  for (const { name: database = '', size, inventory } of databases) {
    const line = (kind: string, name: string): ContentLine => ({
      database,
      kind,
      name,
      size: null,
      rows: null,
      exact: null,
    });
    yield { ...line('database', database), size: sizes.get(database) ?? size ?? null };
    for (const name of inventory?.schemas ?? []) yield line('schema', name);
    for (const { schema, name, kind, rows, exact, bytes } of inventory?.tables ?? []) {
      yield {
        ...line(kind, `${schema}.${name}`),
        size: bytes,
        rows,
        exact: rows === null ? null : exact,
      };
    }
    for (const { name, version } of inventory?.extensions ?? [])
      yield line('extension', `${name} ${version}`);
    if (inventory?.large_objects) {
      yield { ...line('large objects', ''), rows: inventory.large_objects, exact: true };
    }
  }
}
