import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { engine } from '../../engines/sqlite/engine.ts';
import { keptPath, writeMark } from '../../engines/sqlite/restore-place.ts';
import { swap } from '../../engines/sqlite/restore-swap.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { projectRoot } from '../servers/cache.ts';
import { startSmallDisk, whyNoLoop } from '../servers/small-disk.ts';
import { until } from '../servers/wait.ts';
import { OwnChildren } from './engines/own-children.ts';
import { over } from './engines/restore-cases.ts';
import { fileOf, placeAt, sqlite, walkFile } from './engines/sqlite.ts';
import type { Destination, Place, RunningSubject } from './engines/subject.ts';
import { differences } from './engines/walks.ts';
import { type Backup, Workshop } from './engines/workshop.ts';

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

let running: RunningSubject;
let workshop: Workshop;

beforeAll(async () => {
  workshop = await Workshop.open(engine);
  running = await sqlite.start();
});
afterAll(async () => {
  await running?.stop();
  await workshop?.[Symbol.asyncDispose]();
});

/** A new database that those statements made. */
async function made(statements: string): Promise<Place> {
  const { place } = await running.destination({ ...placeAt('/data.db') });
  const database = new DatabaseSync(fileOf(place));
  database.exec(statements);
  database.close();
  return place;
}

async function restored(backup: Backup, from: Place): Promise<Place> {
  const to = await running.destination(from);
  expect(await workshop.restore(backup, to)).toMatchObject([{ status: 'restored' }]);
  return to.place;
}

function value(place: Place, sql: string): unknown {
  const database = new DatabaseSync(fileOf(place), { readOnly: true, timeout: 60_000 });
  try {
    return Object.values(database.prepare(sql).get() ?? {})[0];
  } finally {
    database.close();
  }
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'it went well',
    (error: unknown) => {
      expect(error).toBeInstanceOf(BackupctlError);
      return `${(error as BackupctlError).code}: ${(error as Error).message}; ${(error as BackupctlError).hint}`;
    },
  );

/** Another program that has the file open, and runs that script with it as `database`. */
async function another(place: Place, script: string): Promise<{ child: ChildProcess; end(): Promise<void> }> {
  const words = `const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(process.argv[1], { timeout: 60000 });
    ${script}`;
  const options = [
    '--disable-warning=ExperimentalWarning',
    '--input-type=commonjs',
    '-e',
    words,
    fileOf(place),
  ];
  const child = spawn(process.execPath, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return {
    child,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Moves money, with a line in the books for each transaction, as fast as it can. */
const mover = `
  const move = database.prepare('UPDATE account SET amount = amount + ? WHERE id = ?');
  const note = database.prepare('INSERT INTO book (amount) VALUES (?)');
  for (let n = 1; ; n += 1) {
    database.exec('BEGIN IMMEDIATE');
    move.run(-n, 1); move.run(n, 2); note.run(n);
    database.exec('COMMIT');
    if (n === 20) console.log('moving');
  }`;
const books = `CREATE TABLE account (id INTEGER PRIMARY KEY, amount INT); INSERT INTO account VALUES (1, 0), (2, 0);
  CREATE TABLE book (id INTEGER PRIMARY KEY, amount INT);
  CREATE TABLE ballast AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20) SELECT randomblob(1000000) AS x FROM n;`;

describe('a backup of SQLite', () => {
  test.each([
    ['with a log', 'PRAGMA journal_mode = WAL'],
    ['without a log', 'PRAGMA journal_mode = DELETE'],
  ])('%s, while another program commits all the time, is as of one instant', async (_words, journal) => {
    const place = await made(`${journal}; PRAGMA synchronous = OFF; ${books}`);
    const writer = await another(place, `database.exec('PRAGMA synchronous = OFF'); ${mover}`);
    try {
      const before = Number(value(place, 'SELECT count(*) FROM book'));
      const backup = await workshop.backup(place.target);
      // It was neither held up for good, nor did it fail.
      const during = Number(value(place, 'SELECT count(*) FROM book'));
      await until(() => Number(value(place, 'SELECT count(*) FROM book')) > during, {
        what: 'a further commit',
      });
      expect(writer.child.exitCode).toBe(null);
      const again = await restored(backup, place);
      const noted = Number(value(again, 'SELECT count(*) FROM book'));
      expect(noted).toBeGreaterThanOrEqual(before);
      expect(noted).toBeLessThanOrEqual(during);
      expect(value(again, 'SELECT sum(amount) FROM account')).toBe(0);
      expect(value(again, 'SELECT max(id) FROM book')).toBe(noted);
      expect(
        value(again, 'SELECT (SELECT amount FROM account WHERE id = 2) - (SELECT sum(amount) FROM book)'),
      ).toBe(0);
      expect(value(again, 'PRAGMA integrity_check')).toBe('ok');
      expect(value(again, 'PRAGMA journal_mode')).toBe(journal.endsWith('WAL') ? 'wal' : 'delete');
    } finally {
      await writer.end();
    }
  });

  test('holds what is still in the log alone, also where its writer has died', async () => {
    const place = await made('PRAGMA journal_mode = WAL; CREATE TABLE t (i INT)');
    const writer = await another(
      place,
      `database.exec('PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (1), (2)'); console.log('in the log'); setInterval(() => {}, 1000);`,
    );
    await writer.end();
    expect(statSync(`${fileOf(place)}-wal`).size).toBeGreaterThan(0);
    const again = await restored(await workshop.backup(place.target), place);
    expect(value(again, 'SELECT count(*) FROM t')).toBe(2);
    // A restore over it takes the log along, so that it is nobody else's.
    const backup = await workshop.backup(place.target);
    const [line] = await workshop.restore(backup, over(place), { overwrite: true });
    expect(line).toMatchObject({
      status: 'restored',
      kept_as: expect.stringMatching(/\.before-[0-9a-f]{8}$/),
    });
    expect(differences(walkFile(line?.kept_as ?? ''), walkFile(fileOf(place)))).toEqual([]);
  });

  test.each([
    ['a text', Buffer.from('This is no database of anything, whatever its name may say. '.repeat(100))],
    ['what is encrypted', randomBytes(8192)],
  ])('of %s is refused, by the probe too, and says why', async (_words, bytes) => {
    const place = await made('VACUUM');
    writeFileSync(fileOf(place), bytes);
    for (const what of [() => workshop.probe(place.target), () => workshop.backup(place.target)]) {
      expect(await code(what())).toMatch(/^refused: .*file is not a database; .*an encrypted one/);
    }
  });

  test('of a file of no bytes is an empty database, and of a folder none', async () => {
    const { place } = await running.destination(placeAt('/zero.db'));
    writeFileSync(fileOf(place), '');
    const again = await restored(await workshop.backup(place.target), place);
    expect(value(again, 'SELECT count(*) FROM sqlite_schema')).toBe(0);
    mkdirSync(`${fileOf(place)}.folder`);
    expect(await code(workshop.probe(placeAt(`${fileOf(place)}.folder`).target))).toMatch(
      /^refused: .*not a file/,
    );
  });

  test('waits for the lock of another program, and can be cancelled or killed meanwhile', async () => {
    const place = await made('CREATE TABLE t AS SELECT 1 AS x');
    const locker = await another(
      place,
      `database.exec('BEGIN EXCLUSIVE'); console.log('locked'); setInterval(() => {}, 1000);`,
    );
    try {
      for (const end of ['cancel', 'kill'] as const) {
        const watch = await OwnChildren.watch();
        const abort = new AbortController();
        const ended = code(workshop.backup(place.target, {}, { signal: abort.signal }));
        const [child] = await watch.started();
        if (end === 'cancel') abort.abort(new BackupctlError('cancelled', 'somebody cancelled it'));
        else process.kill(child?.pid ?? -1, 'SIGKILL');
        expect(await ended).toMatch(end === 'cancel' ? /^cancelled: / : /^failed: .*SIGKILL/);
        expect(await watch.running()).toEqual([]);
      }
      const watch = await OwnChildren.watch();
      const waiting = workshop.backup(place.target);
      await watch.started();
      await locker.end();
      expect((await waiting).manifest.warnings).toEqual([]);
    } finally {
      await locker.end();
    }
    expect(await workshop.stray()).toEqual([]);
  });

  test('of a damaged database is taken, warned of, and comes back as it was', async () => {
    const place = await made(`CREATE TABLE t (a); INSERT INTO t VALUES (1), (NULL);`);
    const database = new DatabaseSync(fileOf(place), { defensive: false });
    database.exec(
      `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE t (a NOT NULL)'`,
    );
    database.close();
    const backup = await workshop.backup(place.target);
    expect(backup.manifest.warnings).toEqual([expect.stringMatching(/is damaged, .*NULL value in t\.a/)]);
    const to = await running.destination(place);
    expect((await workshop.plan(backup, to)).warnings).toEqual([expect.stringMatching(/was damaged when/)]);
    expect(await workshop.restore(backup, to)).toMatchObject([
      { status: 'restored', note: expect.stringMatching(/as damaged as when it was backed up/) },
    ]);
  });

  test('after a crash is refused until its journal was rolled back', async () => {
    const place = await made('PRAGMA cache_size = 1; CREATE TABLE t AS SELECT randomblob(100000) AS x');
    const database = new DatabaseSync(fileOf(place));
    // What lies on the disk in the middle of a transaction that does not fit into the memory.
    database.exec(
      `PRAGMA cache_size = 1; BEGIN; UPDATE t SET x = randomblob(200000); INSERT INTO t SELECT randomblob(200000)`,
    );
    const { place: crashed } = await running.destination(place);
    for (const ending of ['', '-journal'])
      copyFileSync(`${fileOf(place)}${ending}`, `${fileOf(crashed)}${ending}`);
    database.close();
    expect(await code(workshop.backup(crashed.target))).toMatch(/has left a journal/);
    expect(value(place, 'SELECT length(x) FROM t')).toBe(100_000);
    const rolledBack = new DatabaseSync(fileOf(crashed));
    rolledBack.exec('BEGIN IMMEDIATE; ROLLBACK');
    rolledBack.close();
    const again = await restored(await workshop.backup(crashed.target), crashed);
    expect(value(again, 'SELECT length(x) FROM t')).toBe(100_000);
  });

  test('is possible from a disk that cannot be written, but for a log without its index', async (context) => {
    const why = whyNoLoop();
    if (why !== null) return context.skip(why);
    const disk = await startSmallDisk(16 * 1024 * 1024);
    try {
      const plain = placeAt(join(disk.directory, 'plain.db'));
      const logged = placeAt(join(disk.directory, 'logged.db'));
      for (const [place, mode] of [
        [plain, 'DELETE'],
        [logged, 'WAL'],
      ] as const) {
        const database = new DatabaseSync(fileOf(place));
        database.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE t AS SELECT 1 AS x`);
        database.close();
      }
      expect(disk.readOnly()).toBe(true);
      const again = await restored(await workshop.backup(plain.target), plain);
      expect(value(again, 'SELECT x FROM t')).toBe(1);
      expect(await code(workshop.backup(logged.target))).toMatch(/^credentials: .*-wal, -shm/s);
      const backup = await workshop.backup(again.target);
      expect(await code(workshop.restore(backup, over(plain), { overwrite: true }))).toMatch(
        /^refused: the worker may not write to/,
      );
    } finally {
      await disk.stop();
    }
  });

  test('that has no room for its copy is none, and says so before it begins', async (context) => {
    const why = whyNoLoop();
    if (why !== null) return context.skip(why);
    const place = await made(`CREATE TABLE t AS SELECT randomblob(6000000) AS x`);
    const disk = await startSmallDisk(8 * 1024 * 1024);
    try {
      await disk.fill(1024 * 1024);
      const signal = new AbortController().signal;
      const log = { info: () => {}, warn: () => {}, error: () => {} };
      const run = { executionId: randomUUID(), signal, log, scratch: disk.directory };
      expect((await engine.probe(place.target, run)).warnings).toContainEqual(
        expect.stringMatching(/copies the database first, and there is room for/),
      );
      const request = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 1 };
      const sink = {
        write: () => Promise.reject(new Error('begun')),
        writeIndex: () => Promise.reject(new Error('begun')),
      };
      expect(await code(engine.dump(place.target, request, sink, run))).toMatch(
        /^no-space: .*copied before it is compressed/,
      );
      expect((await readdir(disk.directory)).sort()).toEqual(['filler', 'lost+found']);
    } finally {
      await disk.stop();
    }
  });

  test("that the worker's user may not read is refused, with whom to ask", async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root can become another user');
    const place = await made('CREATE TABLE t AS SELECT 1 AS x');
    const others = await made('PRAGMA journal_mode = WAL; CREATE TABLE t AS SELECT 1 AS x');
    const folder = join(fileOf(place), '..');
    // Down to the files everybody may go.
    for (const each of [join(folder, '..'), folder, join(fileOf(others), '..')]) chmodSync(each, 0o755);
    chmodSync(fileOf(place), 0o600);
    const asNobody = (target: Place['target']) => {
      const program = `const { engine } = await import(${JSON.stringify(join(projectRoot, 'engines/sqlite/engine.ts'))});
        const log = { info() {}, warn() {}, error() {} };
        const run = { executionId: 'x', signal: new AbortController().signal, log, scratch: process.argv[1] };
        await engine.probe(${JSON.stringify(target)}, run).then(
          () => console.log('it went well'), (error) => console.log(error.code + ': ' + error.message + '; ' + error.hint));`;
      const scratch = mkdtempSync(join(folder, 'scratch-'));
      chownSync(scratch, 65534, 65534);
      const words = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath];
      const node = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program, scratch];
      const { stdout, stderr } = spawnSync('setpriv', [...words, ...node], { encoding: 'utf8' });
      return `${stdout}${stderr}`;
    };
    const said = asNobody(place.target);
    if (/EACCES|ENOENT|Cannot find/.test(said) && !said.startsWith('credentials')) {
      return context.skip('another user can read neither the project nor its Node');
    }
    expect(said).toMatch(/^credentials: .*may not be read by the worker's user/);
    expect(asNobody(others.target)).toMatch(/^credentials: .*let the worker's user write to its folder/);
  });

  test('follows a link to the database, and its name is that of the link', async () => {
    const place = await made('PRAGMA journal_mode = WAL; CREATE TABLE t AS SELECT 1 AS x');
    const link = placeAt(`${fileOf(place)}.link`);
    symlinkSync(fileOf(place), fileOf(link));
    const backup = await workshop.backup(link.target);
    expect(backup.manifest.contents).toMatchObject([{ name: 'data.db.link' }]);
    expect((await workshop.plan(backup, over(link), { overwrite: true })).steps).toMatchObject([
      { action: 'refuse', note: expect.stringMatching(/symbolic link/) },
    ]);
  });
});

describe('a restore of SQLite', () => {
  let place: Place;
  let backup: Backup;
  beforeAll(async () => {
    place = await made('PRAGMA journal_mode = WAL; CREATE TABLE t AS SELECT 1 AS x');
    chmodSync(fileOf(place), 0o640);
    backup = await workshop.backup(place.target);
  });

  test('is refused beside the log of a database that is gone, which would spoil it', async () => {
    const to = await running.destination(place);
    writeFileSync(`${fileOf(to.place)}-wal`, 'of another');
    expect(await code(workshop.restore(backup, to))).toMatch(
      /^refused: .*-wal is left of a database that is gone/,
    );
    expect(existsSync(fileOf(to.place))).toBe(false);
  });

  test('is refused while another program has the old one open, whether it holds a lock or not', async () => {
    const own = await restored(backup, place);
    const user = await another(
      own,
      `database.exec('PRAGMA journal_mode = DELETE'); database.prepare('SELECT * FROM t').all(); console.log('open'); setInterval(() => {}, 1000);`,
    );
    try {
      expect((await workshop.plan(backup, over(own), { overwrite: true })).steps).toMatchObject([
        { action: 'refuse', note: expect.stringContaining(`process ${user.child.pid}`) },
      ]);
      expect(await code(workshop.restore(backup, over(own), { overwrite: true }))).toMatch(
        /^refused: .*is open in/,
      );
    } finally {
      await user.end();
    }
    expect(await workshop.restore(backup, over(own), { overwrite: true, dropOld: true })).toMatchObject([
      { status: 'restored' },
    ]);
  });

  test('gives the file the mode of the backup, or that of the file that it replaces', async () => {
    const own = await restored(backup, place);
    expect(statSync(fileOf(own)).mode & 0o777).toBe(0o640);
    chmodSync(fileOf(own), 0o604);
    await workshop.restore(backup, over(own), { overwrite: true, dropOld: true });
    expect(statSync(fileOf(own)).mode & 0o777).toBe(0o604);
  });

  test('replaces what is no database any more, and keeps it with all that lies beside', async () => {
    const own = await restored(backup, place);
    writeFileSync(fileOf(own), randomBytes(4096));
    writeFileSync(`${fileOf(own)}-wal`, 'a log');
    expect(await code(workshop.restore(backup, over(own)))).toMatch(/^refused: .*exists and cannot be read/);
    const restoreId = randomUUID();
    const lines = await workshop.restore(backup, over(own), { overwrite: true, restoreId });
    expect(value(own, 'SELECT x FROM t')).toBe(1);
    const kept = lines[0]?.kept_as ?? '';
    expect([statSync(kept).size, existsSync(`${kept}-wal`)]).toEqual([4096, true]);
    await workshop.finish(own.target, restoreId, lines);
    expect([existsSync(kept), existsSync(`${kept}-wal`)]).toEqual([false, false]);
  });

  test('goes into a folder that is made for it, under its own name, whatever the manifest says that is', async () => {
    const { place: elsewhere } = await running.destination(place);
    const toDirectory = `${fileOf(elsewhere)}.folder`;
    const to: Destination = { target: place.target, request: { toDirectory }, place };
    expect(await workshop.restore(backup, to)).toMatchObject([
      { status: 'restored', target: join(toDirectory, 'data.db') },
    ]);
    expect(await code(workshop.restore(backup, to))).toMatch(/^refused: .*is not empty/);
    for (const name of ['..', '../../escaped.db', '/etc/escaped']) {
      const { manifest } = backup;
      const contents = manifest.contents.map((content) => ({ ...content, name }));
      const hostile = { ...backup, source: { ...backup.source, manifest: { ...manifest, contents } } };
      const [step] = (await workshop.plan(hostile, to)).steps;
      expect(step?.target.startsWith(`${toDirectory}/`) && !step.target.includes('..')).toBe(true);
    }
  });

  test('that died is cleared up after by its execution, and by the janitor only once that is over', async () => {
    const own = await restored(backup, place);
    const folder = join(fileOf(own), '..');
    const [mine, others] = [randomUUID(), randomUUID()];
    for (const execution of [mine, others]) {
      writeFileSync(join(folder, `.backupctl-${execution}-0badcafe.sqlite`), 'half');
    }
    writeFileSync(join(folder, '.backupctl-somebody-else.sqlite'), 'not ours');
    const link = `.backupctl-${mine}-0badcafe.sqlite-wal`;
    symlinkSync(fileOf(own), join(folder, link));
    expect(await workshop.cleanUp(own.target, mine)).toEqual([expect.stringContaining(mine)]);
    expect(await workshop.sweep(own.target, async () => false)).toEqual([]);
    expect(await workshop.sweep(own.target, async (id) => id === others)).toEqual([
      expect.stringContaining(others),
    ]);
    expect((await readdir(folder)).sort()).toEqual(
      [link, '.backupctl-somebody-else.sqlite', 'data.db'].sort(),
    );
  });

  test('believes no mark that another user has left', async (context) => {
    if (process.geteuid?.() !== 0) context.skip('only root can make one');
    const own = await restored(backup, place);
    const path = fileOf(own);
    const [executionId, restoreId] = [randomUUID(), randomUUID()];
    const kept = keptPath(path, restoreId);
    renameSync(path, kept);
    const names = { restore_id: restoreId, execution_id: executionId, path, kept, inode: 1, note: '' };
    await writeMark(dirname(path), names);
    const mark = join(dirname(path), `.backupctl-restored-${restoreId}.json`);
    chownSync(mark, 65534, 65534);
    expect(await workshop.cleanUp(own.target, executionId)).toEqual([]);
    expect([existsSync(path), existsSync(mark)]).toEqual([false, true]);
    chownSync(mark, 0, 0);
    expect(await workshop.cleanUp(own.target, executionId)).toHaveLength(1);
    expect([existsSync(path), existsSync(mark)]).toEqual([true, false]);
  });

  test.each([
    ['once the old one had both names', (path: string, kept: string) => linkSync(path, kept)],
    ['between two renames', (path: string, kept: string) => renameSync(path, kept)],
    [
      'once its log had another name',
      (path: string, kept: string) => renameSync(`${path}-wal`, `${kept}-wal`),
    ],
  ])('whose swap was cut %s leaves the old one as it was, and is tried again', async (_where, cut) => {
    const own = await restored(backup, place);
    const path = fileOf(own);
    writeFileSync(path, randomBytes(4096));
    writeFileSync(`${path}-wal`, 'a log');
    const before = [readFileSync(path), readFileSync(`${path}-wal`)];
    const [executionId, restoreId] = [randomUUID(), randomUUID()];
    const kept = keptPath(path, restoreId);
    const filled = join(path, '..', `.backupctl-${executionId}-0badcafe.sqlite`);
    writeFileSync(filled, 'whole');
    await writeMark(join(path, '..'), {
      ...{ restore_id: restoreId, execution_id: executionId, path, kept, note: '' },
      inode: statSync(filled).ino,
    });
    cut(path, kept);
    await workshop.cleanUp(own.target, randomUUID());
    expect(existsSync(filled)).toBe(true);
    expect(await workshop.cleanUp(own.target, executionId)).toHaveLength(2);
    expect([readFileSync(path), readFileSync(`${path}-wal`)]).toEqual(before);
    expect((await readdir(join(path, '..'))).sort()).toEqual(['data.db', 'data.db-wal']);
    const request = { overwrite: true, restoreId };
    expect(await workshop.restore(backup, over(own), request)).toMatchObject([{ kept_as: kept }]);
    expect(readFileSync(`${kept}-wal`)).toEqual(before[1]);
  });

  test('that comes to nothing leaves the old one with the log that it had', async () => {
    const own = await restored(backup, place);
    const path = fileOf(own);
    const database = new DatabaseSync(path);
    database.exec('PRAGMA journal_mode=WAL');
    database.close();
    const kept = keptPath(path, randomUUID());
    mkdirSync(kept);
    const run = { executionId: '', signal: new AbortController().signal, log: quiet, scratch: dirname(path) };
    await expect(swap(`${path}.nothing`, path, kept, run)).rejects.toThrow();
    expect(value(own, 'PRAGMA journal_mode')).toBe('wal');
    expect(value(own, 'SELECT x FROM t')).toBe(1);
  });

  test('refuses what a copy of pages cannot do, in words', async () => {
    for (const [request, words] of [
      [{ include: ['t'] }, /^usage: --include t: /],
      [{ createDatabase: 'other' }, /^usage: --create-database: /],
      [{ databases: ['other.db'] }, /^not-found: .*no database other\.db/],
    ] as const) {
      expect(await code(workshop.plan(backup, over(place), request as object))).toMatch(words);
    }
    const gone = placeAt(`${fileOf(place)}/below/a.db`);
    expect(await code(workshop.restore(backup, over(gone)))).toMatch(/^refused: there is no folder/);
  });
});
