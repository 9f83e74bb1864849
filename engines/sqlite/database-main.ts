import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { backup, DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { IndexedObject, Inventory } from './backup-index.ts';

/** What `look` finds. */
export interface Look {
  sqlite_version: string;
  journal: Inventory['journal'];
  /** Bytes. */
  size: number;
  empty: boolean;
}

/** What `copy` tells of the instant that it took. */
export interface Copied {
  sqlite_version: string;
  /** ISO 8601 */
  snapshot_at: string;
}

/** What `settle` finds. */
export interface Settled {
  journal: Inventory['journal'];
}

type Row = Record<string, unknown>;

/**
 * SQLite in a process of its own, so that a hung disk, a lock or a damaged file hold up nothing else, and it can be ended.
 *
 *     database-main look PATH MILLISECONDS REPORT          what is there
 *     database-main copy PATH MILLISECONDS REPORT COPY     a copy as of one instant, by the online backup
 *     database-main inspect PATH 0 REPORT                  all that is in a file that nobody writes
 *     database-main settle PATH MILLISECONDS REPORT        all of it in the one file, which nobody uses
 *     database-main log PATH MILLISECONDS REPORT           back to a write-ahead log, after `settle`
 *
 * Locks of others are waited for so many milliseconds. What fails is `sqlite CODE WORDS` on standard error.
 */
async function main([verb, path = '', milliseconds = '', report = '', copy = '']: string[]): Promise<void> {
  const timeout = Number(milliseconds);
  const found = await (() => {
    switch (verb) {
      case 'look':
        return look(path, timeout);
      case 'copy':
        return copyTo(path, timeout, copy);
      case 'inspect':
        return inspect(path);
      case 'settle':
        return settle(path, timeout);
      case 'log':
        return withLog(path, timeout);
      default:
        throw new Error(`no verb ${verb}`);
    }
  })();
  writeFileSync(report, JSON.stringify(found), { mode: 0o600, flag: 'wx' });
}

/** Old schemas may have texts in double quotes; extensions are never loaded. */
const leniently = { enableDoubleQuotedStringLiterals: true, allowExtension: false };

function look(path: string, timeout: number): Look {
  const database = new DatabaseSync(path, { ...leniently, readOnly: true, timeout });
  database.exec('BEGIN');
  const objects = Number(value(database, 'SELECT count(*) FROM sqlite_schema'));
  return {
    sqlite_version: version(),
    journal: value(database, 'PRAGMA journal_mode') === 'wal' ? 'wal' : 'delete',
    size: Number(value(database, 'PRAGMA page_size')) * Number(value(database, 'PRAGMA page_count')),
    empty: objects === 0,
  };
}

/**
 * The transaction is begun first: without it, every commit of another program would make the online backup begin anew,
 * and under a busy writer it would never end.
 */
async function copyTo(path: string, timeout: number, copy: string): Promise<Copied> {
  const database = new DatabaseSync(path, { ...leniently, readOnly: true, timeout });
  database.exec('BEGIN');
  database.prepare('SELECT count(*) FROM sqlite_schema').get();
  const snapshot_at = new Date().toISOString();
  await backup(database, copy, { rate: 4096 });
  database.close();
  return { sqlite_version: version(), snapshot_at };
}

function inspect(path: string): Inventory {
  // Nobody writes it: so neither locks are taken, nor is a log made beside it.
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  const database = new DatabaseSync(url, { ...leniently, readOnly: true });
  const schema = database
    .prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name')
    .all() as Row[];
  const hash = createHash('sha256');
  for (const row of schema) hash.update(JSON.stringify([row.type, row.name, row.sql]));
  return {
    page_size: Number(value(database, 'PRAGMA page_size')),
    page_count: Number(value(database, 'PRAGMA page_count')),
    encoding: String(value(database, 'PRAGMA encoding')),
    user_version: Number(value(database, 'PRAGMA user_version')),
    application_id: Number(value(database, 'PRAGMA application_id')),
    journal: journalOf(path),
    objects: schema.map((row) => objectOf(database, row)),
    schema_sha256: hash.digest('hex'),
    damage: damageOf(database),
  };
}

function objectOf(database: DatabaseSync, { type, name, sql }: Row): IndexedObject {
  const shown = String(name);
  if (type !== 'table') return { kind: type as 'view' | 'index' | 'trigger', name: shown, rows: null };
  const virtual = /^\s*CREATE\s+VIRTUAL\b/i.test(String(sql));
  let rows: number | null = null;
  try {
    rows = Number(value(database, `SELECT count(*) FROM "${shown.replaceAll('"', '""')}"`));
  } catch (error) {
    if (!virtual) throw error;
    // Its module is not there: its rows lie in other tables, which are counted.
  }
  return { kind: virtual ? 'virtual table' : 'table', name: shown, rows };
}

/** What is wrong, as SQLite says it. */
function damageOf(database: DatabaseSync): string[] {
  try {
    const lines = (database.prepare('PRAGMA integrity_check(20)').all() as Row[]).flatMap((row) =>
      String(Object.values(row)[0]).split('\n'),
    );
    return lines.filter((line) => line !== 'ok').slice(0, 20);
  } catch (error) {
    // As where an index is sorted by a function that only another program has.
    return [`could not be checked: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** By its header (the file format, 1.3): an immutable file says `delete` whatever it was. */
function journalOf(path: string): Inventory['journal'] {
  const header = Buffer.alloc(20);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, header.length, 0);
  } finally {
    closeSync(file);
  }
  return header[18] === 2 ? 'wal' : 'delete';
}

/** Ends what a crash has left (a hot journal), and a write-ahead log: possible only while nobody else has the file open. */
function settle(path: string, timeout: number): Settled {
  const database = new DatabaseSync(path, { ...leniently, timeout });
  const wal = value(database, 'PRAGMA journal_mode') === 'wal';
  if (wal) {
    const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as Row;
    const now = busy === 0 ? value(database, 'PRAGMA journal_mode=DELETE') : 'wal';
    if (now !== 'delete') throw Object.assign(new Error('database is locked'), { errcode: 5 });
  } else {
    database.exec('BEGIN EXCLUSIVE; ROLLBACK');
  }
  database.close();
  return { journal: wal ? 'wal' : 'delete' };
}

function withLog(path: string, timeout: number): Record<string, never> {
  const database = new DatabaseSync(path, { ...leniently, timeout });
  database.exec('PRAGMA journal_mode=WAL');
  database.close();
  return {};
}

function value(database: DatabaseSync, sql: string): unknown {
  return Object.values((database.prepare(sql).get() as Row | undefined) ?? {})[0];
}

const version = () => process.versions.sqlite ?? 'unknown';

main(process.argv.slice(2)).then(
  () => process.exit(0), // without closing: what is open for reading only needs none
  (error: Error & { errcode?: number }) => {
    process.stderr.write(`sqlite ${error.errcode ?? 0} ${error.message}\n`);
    process.exit(1);
  },
);
