import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let work: Workspace;
let platform: Platform;

const sql = (path: string, statements: string) => {
  const database = new DatabaseSync(path);
  try {
    return database
      .prepare(statements)
      .all()
      .map((row) => Object.values(row)[0]);
  } finally {
    database.close();
  }
};

beforeAll(async () => {
  work = createWorkspace('sqlite');
  const database = new DatabaseSync(work.path('shop.db'));
  database.exec(
    "PRAGMA journal_mode = WAL; CREATE TABLE orders (what TEXT); INSERT INTO orders VALUES ('tea')",
  );
  database.close();
  platform = await startPlatform();
  await platform.json(['instance-create', 'shop', '--url', `sqlite://${work.path('shop.db')}`]);
  await platform.json(['backup-create', 'shop', 'first', '--wait']);
}, 200_000);

afterAll(async () => {
  await platform?.stop();
  await work?.remove();
});

interface RestoreJson {
  id: string;
  status: string;
  databases: { target: string; kept_as: string | null }[];
}

const words = ['restore-create', 'shop@latest'];

describe('a database of SQLite by the command line', () => {
  test('says what a backup of it contains, and shows what is in one', async () => {
    const { stdout } = await platform.cli(['instance-show', 'shop', '--long']);
    expect(stdout).toMatch(/as of one instant/);
    const lines = await platform.json<{ kind: string; name: string; rows: number | null }[]>([
      ...['backup-contents', 'shop@latest'],
    ]);
    expect(lines).toMatchObject([{ kind: 'database' }, { kind: 'table', name: 'orders', rows: 1 }]);
    expect((await platform.cli(['backup-show', 'shop@latest', '--how-to-restore'])).stdout).toMatch(
      /integrity_check/,
    );
  });

  test('comes back into a folder of its own, and over what was written since', async () => {
    const aside = await platform.json<RestoreJson>([
      ...words,
      '--to-directory',
      work.path('aside'),
      '--wait',
    ]);
    expect(aside).toMatchObject({
      status: 'COMPLETED',
      databases: [{ target: work.path('aside', 'shop.db') }],
    });
    expect(sql(work.path('aside', 'shop.db'), 'SELECT what FROM orders')).toEqual(['tea']);
    sql(work.path('shop.db'), "INSERT INTO orders VALUES ('coffee') RETURNING what");
    const refused = await platform.cli([...words, '--to', 'shop', '--wait']);
    expect([refused.code, refused.stderr.includes('--overwrite')]).toEqual([7, true]);
    const over = await platform.json<RestoreJson>([...words, '--to', 'shop', '--overwrite', '--wait']);
    expect(sql(work.path('shop.db'), 'SELECT what FROM orders')).toEqual(['tea']);
    const kept = over.databases[0]?.kept_as ?? '';
    expect(sql(kept, 'SELECT what FROM orders')).toEqual(['tea', 'coffee']);
    expect((await platform.cli(['restore-finish', over.id, '--wait'])).code).toBe(0);
    expect(existsSync(kept)).toBe(false);
  });

  test('is refused in one line, before anything is begun, where a copy of pages cannot do it', async () => {
    for (const [command, flag] of [
      [['backup-create', 'shop', 'part', '--include', 'orders'], '--include'],
      [['backup-create', 'shop', 'part', '--schema-only'], '--schema-only'],
      [[...words, '--to', 'shop', '--create-database', 'other'], '--create-database'],
      [[...words, '--to', 'shop', '--include', 'orders'], '--include'],
      [[...words, '--to', 'shop', '--globals'], '--globals'],
    ] as const) {
      const { code, stderr } = await platform.cli(command);
      expect([code, stderr.startsWith('backupctl: '), stderr.includes(flag)]).toEqual([2, true, true]);
    }
    const data = await platform.cli(['instance-create', 'x', '--url', 'sqlite://u:hunter2@h/f']);
    expect([data.code, data.stderr.includes('hunter2')]).toEqual([2, false]);
  });
});
