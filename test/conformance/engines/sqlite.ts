import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { projectRoot } from '../../servers/cache.ts';
import type { Contents, EngineSubject, Place, RunningSubject, Walk } from './subject.ts';

const nobody = 'SQLite knows no users and no passwords';
const pages = 'a copy of pages knows no tables';

const numbers = (most: number) =>
  `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${most}) SELECT i`;

const contents: Readonly<Record<Contents, string>> = {
  odd: readFileSync(join(projectRoot, 'test/fixtures/odd-database-sqlite.sql'), 'utf8'),
  empty: 'VACUUM',
  many: `BEGIN; ${Array.from({ length: 10_000 }, (_, n) => `CREATE TABLE t${n} (i INT);`).join(' ')} COMMIT`,
  huge: `PRAGMA synchronous = OFF; CREATE TABLE huge AS ${numbers(50)},
    replace(hex(zeroblob(262144)), '00', 'sixteen letters.') AS x FROM n`,
  bulk: `CREATE TABLE bulk AS ${numbers(48)}, randomblob(262144) AS x FROM n; CREATE TABLE small AS SELECT 1 AS y`,
  parts: `CREATE TABLE t AS ${numbers(1000)} FROM n; CREATE TABLE u (x TEXT UNIQUE); INSERT INTO u VALUES ('a'), ('b')`,
};

/** SQLite, as it is in Node. */
export const sqlite: EngineSubject = {
  engine: 'sqlite',
  notShown: [
    'databases on network file systems, where locks mean little',
    'encrypted databases (SQLCipher, SEE): they are refused, since nobody here can read them',
  ],
  without: {
    wrongPassword: nobody,
    secrets: nobody,
    selection: pages,
    include: pages,
  },
  start: async () => new RunningSqlite(await mkdtemp(join(tmpdir(), 'backupctl-test-sqlite-'))),
};

class RunningSqlite implements RunningSubject {
  readonly ranAgainst = `SQLite ${process.versions.sqlite}, as it is in Node ${process.versions.node}`;
  readonly prevented =
    process.getuid?.() === 0 ? { noRights: 'root may read everything' } : ({} as RunningSubject['prevented']);
  readonly secrets = [];
  readonly part = { backup: null, restore: null };
  readonly diskBytes = 48 * 1024 * 1024;
  readonly #folder: string;
  #counter = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async make(kind: Contents): Promise<Place> {
    const place = this.#place(kind === 'odd' ? `odd "db" %41 ?#' ünï.db` : `${kind}.db`);
    const database = open(place);
    database.exec(contents[kind]);
    database.close();
    return place;
  }

  async destination(from: Place) {
    const place = this.#place(from.name);
    return { target: place.target, request: {}, place };
  }

  async drop(place: Place): Promise<void> {
    for (const ending of ['', '-wal', '-shm', '-journal'])
      rmSync(`${fileOf(place)}${ending}`, { force: true });
  }

  async exists(place: Place): Promise<boolean> {
    return existsSync(fileOf(place));
  }

  async walk(place: Place): Promise<Walk> {
    return walkFile(fileOf(place));
  }

  async change(place: Place): Promise<void> {
    const database = open(place);
    this.#counter += 1;
    database.exec(`CREATE TABLE changed_${this.#counter} AS SELECT 1 AS x`);
    database.close();
  }

  wrongPassword() {
    return null;
  }

  /** As root it is prevented. */
  async noRights(place: Place) {
    const other = this.#place(place.name);
    const database = open(other);
    database.exec(contents.parts);
    database.close();
    chmodSync(fileOf(other), 0);
    return other.target;
  }

  async absent() {
    return this.#place('nothing.db').target;
  }

  async leftovers(): Promise<string[]> {
    const names = await readdir(this.#folder, { recursive: true });
    return names.filter((name) => /^\.backupctl-|\.before-/.test(basename(name)));
  }

  async onDisk(directory: string, from: Place) {
    const place = placeAt(join(directory, from.name));
    return {
      destination: { target: place.target, request: {}, place },
      room: 4 * 1024 * 1024,
      walk: () => this.walk(place),
      leftovers: async () =>
        (await readdir(directory)).filter((name) => !['lost+found', 'filler', from.name].includes(name)),
      stop: async () => {},
    };
  }

  async stock(original: Place) {
    const fills = this.#place(original.name);
    return { env: { TARGET: fileOf(fills) }, fills };
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** In a folder of its own. */
  #place(name: string): Place {
    this.#counter += 1;
    const folder = join(this.#folder, String(this.#counter));
    mkdirSync(folder);
    return placeAt(join(folder, name));
  }
}

export function placeAt(path: string): Place {
  const target = {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'test',
    url: `sqlite://${encodeURIComponent(path).replaceAll('%2F', '/')}`,
    password: null,
  };
  return { name: basename(path), target };
}

export function fileOf({ target }: Place): string {
  return decodeURIComponent(target.url.replace('sqlite://', ''));
}

function open(place: Place): DatabaseSync {
  return new DatabaseSync(fileOf(place), { enableDoubleQuotedStringLiterals: true });
}

/** Definitions, settings, and every row with its rowid and the types of its values. */
export function walkFile(path: string): Walk {
  if (!existsSync(path)) throw new Error(`there is no ${basename(path)} in ${dirname(path)}`);
  const database = new DatabaseSync(path, { readOnly: true, enableDoubleQuotedStringLiterals: true });
  try {
    const walk = new Map<string, string>();
    for (const name of [
      'encoding',
      'page_size',
      'auto_vacuum',
      'journal_mode',
      'user_version',
      'application_id',
    ]) {
      walk.set(`PRAGMA ${name}`, JSON.stringify(database.prepare(`PRAGMA ${name}`).get()));
    }
    const schema = database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema').all();
    for (const { type, name, tbl_name, sql } of schema) {
      walk.set(`${type} ${name}`, `on ${tbl_name}: ${sql}`);
      if (type === 'table') walk.set(`rows of ${name}`, rowsOf(database, String(name)));
    }
    return walk;
  } finally {
    database.close();
  }
}

function rowsOf(database: DatabaseSync, name: string): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const columns = database
    .prepare('SELECT name FROM pragma_table_xinfo(?)')
    .all(name)
    .map((row) => quoted(String(row.name)));
  const values = columns.map((column) => `typeof(${column}), CAST(${column} AS BLOB)`).join(', ');
  const query = (rowid: string) =>
    database.prepare(`SELECT ${rowid}${values} FROM ${quoted(name)} ORDER BY 1, ${columns.join(', ')}`);
  const statement = (() => {
    try {
      return query('rowid, ');
    } catch {
      return query(''); // a table without rowids
    }
  })();
  statement.setReadBigInts(true);
  const hash = createHash('sha256');
  let rows = 0;
  for (const row of statement.iterate()) {
    rows += 1;
    for (const value of Object.values(row)) hash.update(value instanceof Uint8Array ? value : `|${value}|`);
  }
  return `${rows} rows ${hash.digest('hex')}`;
}
