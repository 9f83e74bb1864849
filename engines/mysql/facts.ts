import type { Selection } from '../engine.ts';
import type { ContentLine, Coverage, EngineFacts, IndexSource } from '../facts.ts';
import type { MysqlIndex } from './backup-index.ts';
import { stockRestore } from './stock-restore.ts';
import { checkUrl, filesIn, parseMysqlUrl } from './url.ts';

export const facts: EngineFacts = {
  name: 'mysql',
  title: 'MySQL and MariaDB',
  urlForms: [
    'mysql://USER@HOST:PORT/DATABASE; without a database: all of them, new ones too, with users and grants',
    'mysql://USER@/DATABASE?socket=/PATH; more options: ssl-mode, ssl-ca, ssl-cert, ssl-key, connect-timeout, non-transactional=lock',
  ],
  capabilities: {
    methods: ['logical'],
    increments: false,
    selection: {
      include: 'TABLE or DATABASE.TABLE; of a whole server DATABASE or DATABASE.TABLE',
      exclude: 'TABLE or DATABASE.TABLE; of a whole server DATABASE or DATABASE.TABLE',
      schemaOnly: true,
      dataOnly: true,
    },
    restore: {
      rename: true,
      overwrite: true,
      directory: false,
      include: 'TABLE',
      flags: ['globals', 'noOwner', 'disconnect', 'noBinlog', 'force'],
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
  const { database, nonTransactional } = parseMysqlUrl(url);
  const { include = [], exclude = [], schema_only, data_only } = selection;
  const rows =
    schema_only === true ? 'without rows' : data_only === true ? 'the rows alone' : 'with all rows';
  return {
    contains: [
      database === null
        ? `every database that the user may read, new ones too, each as of one instant of its own, ${rows}`
        : `the database ${database} as of one instant, ${rows}`,
      ...(include.length > 0 ? [`of it only ${include.join(', ')}`] : []),
      nonTransactional === 'lock'
        ? 'tables that know no transactions (MyISAM, Aria, MEMORY …), locked against writing meanwhile'
        : 'tables that know no transactions (MyISAM, Aria, MEMORY …), as they are while they are read',
      data_only === true
        ? 'the history of system-versioned tables and the values of sequences; for a database that has the tables already, by `backup-show --how-to-restore`'
        : 'tables with generated and invisible columns, partitions and constraints, sequences, the history of system-versioned tables, views, routines, triggers, events',
      ...(database === null && data_only !== true
        ? ['users, roles and grants, as far as the user may read them']
        : []),
    ],
    lacks: [
      ...exclude.map((pattern) => `${pattern}, which is left out`),
      ...(data_only === true
        ? ['the definitions of all of it: tables, sequences, views, routines, triggers, events, users']
        : []),
      ...(database === null || data_only === true
        ? []
        : ['users and grants: they belong to the server (back up the server for them)']),
      'the databases mysql, information_schema, performance_schema and sys; root and the accounts that the server makes for itself',
      'the binary log (no point in time between two backups), the configuration, plugins, temporary tables',
    ],
  };
}

async function* contents({ index, manifest }: IndexSource): AsyncGenerator<ContentLine, void, void> {
  const { databases = [] } = ((await index('index')) ?? {}) as Partial<MysqlIndex>;
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
    for (const { name, kind, rows, exact, bytes, engine } of inventory?.tables ?? []) {
      yield {
        ...line(kind, name),
        size: kind === 'view' ? null : bytes,
        rows,
        exact: rows === null ? null : exact,
        ...(engine === null ? {} : { more: { engine } }),
      };
    }
    for (const [kind, number] of Object.entries(inventory?.objects ?? {})) {
      if (number === 0 || ['table', 'view', 'sequence', 'column', 'index', 'partition'].includes(kind))
        continue;
      yield { ...line(`${kind}s`, ''), rows: number, exact: true };
    }
  }
}
