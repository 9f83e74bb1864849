import type { Selection } from '../engine.ts';
import type { ContentLine, Coverage, EngineFacts, IndexSource } from '../facts.ts';
import { indexNames, type MongoIndex } from './backup-index.ts';
import { isPartial } from './selection.ts';
import { stockRestore } from './stock-restore.ts';
import { checkUrl, filesIn, parseMongoUrl } from './url.ts';

const what = 'DATABASE or DATABASE.COLLECTION';

export const facts: EngineFacts = {
  name: 'mongodb',
  title: 'MongoDB',
  urlForms: [
    'mongodb://USER@HOST:PORT/DATABASE; without a database: all of them, new ones too, with users and roles, of one instant on a replica set',
    'mongodb+srv://USER@NAME/DATABASE: the hosts stand in the DNS',
  ],
  capabilities: {
    methods: ['logical'],
    increments: false,
    selection: { include: what, exclude: what, schemaOnly: true, dataOnly: false },
    restore: { rename: true, overwrite: true, directory: false, include: what, flags: ['globals'] },
    statements: false,
    drill: true,
  },
  checkUrl,
  filesIn,
  coverage,
  contents,
  stockRestore,
};

function coverage(url: string, selection: Selection): Coverage {
  const { database } = parseMongoUrl(url);
  const { include = [], exclude = [], schema_only } = selection;
  const documents = schema_only !== true;
  const extent = documents ? 'with all documents' : 'without documents';
  const all = database === null && !isPartial(selection) && documents;
  return {
    contains: [
      database === null
        ? `every database that the user may read, new ones too, ${extent}`
        : `the database ${database}, ${extent}`,
      ...(include.length > 0 ? [`of it only ${include.join(', ')}`] : []),
      all
        ? 'on a replica set with an oplog: all of it as of one instant, the end of the dump'
        : 'each collection as of an instant of its own, while the dump runs',
      'collections with their options (capped, validators, collations), time series, views, indexes',
      ...(all
        ? ['users and roles of all databases, with the hashes of their passwords, if the user may read them']
        : []),
    ],
    lacks: [
      ...exclude.map((pattern) => `${pattern}, which is left out`),
      ...(documents ? [] : ['documents, and so what is kept as such: stored functions, users and roles']),
      ...(all || !documents ? [] : ['users and roles: they come only with all databases of a server']),
      'the databases local and config (the oplog itself, sessions, the catalogue of a sharded cluster)',
      'no point in time between two backups; UUIDs of collections are recorded, and new ones are given by a restore',
      "the server's configuration, keys and certificates; Atlas Search and vector indexes",
    ],
  };
}

async function* contents({ index }: IndexSource): AsyncGenerator<ContentLine, void, void> {
  const { databases = [], globals = null } = ((await index('index')) ?? {}) as Partial<MongoIndex>;
  for (const { name: database, size, collections } of databases) {
    const line = (kind: string, name: string): ContentLine => ({
      database,
      kind,
      name,
      size: null,
      rows: null,
      exact: null,
    });
    yield { ...line('database', database), size };
    for (const { name, type, documents, bytes, metadata } of collections) {
      yield { ...line(type, name), size: bytes, rows: documents, exact: documents === null ? null : true };
      for (const each of indexNames(metadata)) yield line('index', `${name}.${each}`);
    }
  }
  if (globals === null) return;
  const line = { database: '', name: '', size: null, exact: true };
  yield { ...line, kind: 'users', rows: globals.users };
  yield { ...line, kind: 'roles', rows: globals.roles };
}
