import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MysqlIndex } from '../../engines/mysql/backup-index.ts';
import { engine } from '../../engines/mysql/engine.ts';
import { type MariadbServer, startMariadb } from '../servers/mariadb.ts';
import { type Backup, Workshop } from './engines/workshop.ts';
import { targetOf } from './mysql-kit.ts';

const execute = promisify(execFile);
let server: MariadbServer;
let workshop: Workshop;
let backup: Backup;

// Tables that point at each other, columns that take no value or are seen by nobody, a name with a backtick, history.
const tables = `
  CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY, b int, words varchar(40), twice int AS (LENGTH(words) * 2) STORED,
                  hidden int INVISIBLE DEFAULT 3);
  CREATE TABLE b (id int PRIMARY KEY, a int, FOREIGN KEY (a) REFERENCES a (id));
  ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b (id);
  CREATE TABLE nothing (id int);
  CREATE TABLE \`odd\`\`one\` (id int, data blob);
  CREATE TABLE past (id int, note text) WITH SYSTEM VERSIONING;
  CREATE TABLE base (id int) ENGINE=MyISAM;
  CREATE TABLE merged (id int) ENGINE=MERGE UNION=(base);
  CREATE SEQUENCE numbers START WITH 7 INCREMENT BY 2 NOCACHE;`;
const contents = async (database: string) =>
  server.sql(
    `SELECT 'a', id, b, HEX(words), twice, hidden FROM a ORDER BY id; SELECT 'b', id, a FROM b ORDER BY id;
     SELECT 'nothing', COUNT(*) FROM nothing; SELECT 'odd', id, HEX(data) FROM \`odd\`\`one\` ORDER BY id;
     SELECT 'past', id, note, row_start, row_end FROM past FOR SYSTEM_TIME ALL ORDER BY row_start;
     SELECT 'base', id FROM base; SELECT 'numbers', next_not_cached_value FROM numbers;`,
    database,
  );

beforeAll(async () => {
  [server, workshop] = await Promise.all([startMariadb(), Workshop.open(engine)]);
  await server.sql('CREATE DATABASE shop');
  await server.sql(
    `${tables}
     CREATE VIEW seen AS SELECT id FROM a;
     INSERT INTO a (words, hidden) VALUES ('INSERT INTO \`b\` VALUES', 1), ('a\\nb\\n-- Dumping data for table \`b\`\\n', 2), (NULL, 3);
     INSERT INTO b VALUES (1, 2), (2, 1); UPDATE a SET b = 1 WHERE id = 1;
     INSERT INTO \`odd\`\`one\` VALUES (1, 0x00FF0A2D2D), (2, NULL);
     INSERT INTO past VALUES (1, 'old'); UPDATE past SET note = 'new'; INSERT INTO base VALUES (1), (2);
     DO NEXTVAL(numbers); DO NEXTVAL(numbers);`,
    'shop',
  );
  backup = await workshop.backup(targetOf(server, 'shop'), { data_only: true });
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await workshop?.[Symbol.asyncDispose]();
});

/** Runs the printed commands for the database that they name. */
async function restoreByHand(): Promise<void> {
  const folder = await workshop.exported(backup);
  await writeFile(
    join(folder, '.my.cnf'),
    `[client]\nhost=127.0.0.1\nport=${server.port}\nuser=root\npassword=${server.rootPassword}\n`,
    { mode: 0o600 },
  );
  const commands = engine.facts.stockRestore(backup.manifest).join('\n');
  await execute('bash', ['-c', commands], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8' },
  });
}

test('a backup of rows alone has each table with its rows counted, and neither views nor users', async () => {
  const index = (await backup.source.index('index')) as unknown as MysqlIndex;
  const rows = Object.fromEntries(
    index.databases[0]?.inventory.tables.map(({ name, rows: n }) => [name, n]) ?? [],
  );
  expect(rows).toEqual({
    a: 3,
    b: 2,
    nothing: 0,
    'odd`one': 2,
    past: 2,
    base: 2,
    merged: null,
    numbers: null,
  });
  expect(index.databases[0]?.inventory.objects).toEqual({ table: 7 });
  expect(backup.manifest.details).toMatchObject({ selection: { data_only: true }, globals: false });
  expect(backup.manifest.warnings.join()).not.toMatch(/view|routine|dropped/);
  const whole = await workshop.backup(targetOf(server), { data_only: true, include: ['shop'] });
  expect(whole.manifest.objects.map(({ stream }) => stream).filter((name) => /users/.test(name))).toEqual([]);
});

test('it is not restored as a database, in one line that says what to do', async () => {
  const to = { target: targetOf(server, 'shop'), request: {} };
  const asked = workshop.plan(backup, { ...to } as never, { createDatabase: 'other' });
  await expect(asked).rejects.toMatchObject({
    code: 'refused',
    message: 'the backup holds rows alone, for tables that are there already',
    hint: expect.stringContaining(`backup-show ${backup.manifest.id} --how-to-restore`),
  });
});

test('the printed commands put the rows into tables whose columns stand in another order, or none at all', async () => {
  const before = await contents('shop');
  await server.sql('DROP DATABASE shop; CREATE DATABASE shop');
  await server.sql(tables, 'shop');
  await server.sql(
    `ALTER TABLE a MODIFY hidden int INVISIBLE DEFAULT 3 FIRST; ALTER TABLE b MODIFY a int FIRST;
     INSERT INTO \`odd\`\`one\` VALUES (9, NULL); ALTER TABLE \`odd\`\`one\` ADD UNIQUE (id);
     INSERT INTO \`odd\`\`one\` VALUES (2, 'in the way');
     CREATE TABLE said (what text); CREATE TRIGGER say AFTER INSERT ON a FOR EACH ROW INSERT INTO said VALUES ('x');`,
    'shop',
  );
  await expect(restoreByHand()).rejects.toThrow(/triggers on inserts stand in "shop"/);
  await server.sql('DROP TRIGGER say', 'shop');
  // The last but one table is in the way: what came before it, but for what knows no transactions, goes again.
  await expect(restoreByHand()).rejects.toThrow(/Duplicate entry '2'/);
  expect(
    await server.sql('SELECT COUNT(*) FROM a; SELECT COUNT(*) FROM b; SELECT COUNT(*) FROM past', 'shop'),
  ).toBe('0\n0\n0');
  await server.sql('TRUNCATE `odd``one`; TRUNCATE base; DO NEXTVAL(numbers)', 'shop');
  await restoreByHand();
  expect(await contents('shop')).toBe(before);
  expect(await server.sql('SELECT COUNT(*) FROM said', 'shop')).toBe('0');
});
