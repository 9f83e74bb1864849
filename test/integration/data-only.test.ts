import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop, type Shop } from './fixture.ts';

const run = promisify(execFile);
let shop: Shop;
let backupId: string;

const everything = () =>
  shop.postgres.psql(
    `SELECT (SELECT count(*) FROM items), (SELECT string_agg(a::text, ',' ORDER BY a) FROM a),
            (SELECT string_agg(b::text, ',' ORDER BY b) FROM b), (SELECT last_value FROM numbers),
            (SELECT count(*) FROM pg_largeobject), (SELECT count(*) FROM said)`,
    'shop',
  );

beforeAll(async () => {
  shop = await openShop({ rows: 1000 });
  // Tables that point at each other, a trigger that would add rows, a sequence, a large object, a generated column.
  await shop.postgres.psql(
    `CREATE TABLE a (id int PRIMARY KEY, b int, twice int GENERATED ALWAYS AS (id * 2) STORED);
     CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
     ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
     CREATE TABLE said (what text);
     CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO said VALUES ('x'); RETURN NEW; END $$;
     INSERT INTO a (id) VALUES (1), (2); INSERT INTO b VALUES (1, 2), (2, 1); UPDATE a SET b = id;
     CREATE TRIGGER say AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION say();
     CREATE SEQUENCE numbers; SELECT setval('numbers', 4711);
     SELECT lo_from_bytea(4242, 'large');`,
    'shop',
  );
  const { id } = await shop.platform.json<{ id: string }>([
    'backup-create',
    'orders',
    'rows',
    '--data-only',
    '--wait',
  ]);
  backupId = id;
}, 120_000);
afterAll(() => shop?.stop());

test('a backup of rows alone is not restored as a database, in one line that says what to do', async () => {
  for (const more of [['--dry-run'], ['--create-database', 'other', '--wait'], ['--overwrite', '--wait']]) {
    const { code, stderr } = await shop.platform.cli(['restore-create', backupId, '--to', 'orders', ...more]);
    expect(code, more.join(' ')).not.toBe(0);
    expect(stderr).toContain('the backup holds rows alone, for tables that are there already');
    expect(stderr).toContain(`backup-show ${backupId} --how-to-restore`);
  }
  expect(await shop.postgres.psql("SELECT datname FROM pg_database WHERE datname ~ 'other|backupctl'")).toBe(
    '',
  );
});

test('the printed commands put the rows into tables that are there and empty, or nothing at all', async () => {
  const before = await everything();
  const folder = shop.workspace.path('exported');
  await shop.platform.json(['backup-export', backupId, '--to-directory', folder]);
  await copyFile(join(shop.platform.dataDir, 'identity.txt'), join(folder, 'identity.txt'));
  const { stdout: commands } = await shop.platform.cli(['backup-show', backupId, '--how-to-restore']);
  const env = {
    PATH: `${shop.postgres.binDir}:/usr/bin:/bin`,
    PGHOST: '127.0.0.1',
    PGPORT: String(shop.postgres.port),
    PGUSER: 'postgres',
    PGPASSWORD: shop.password,
  };
  const restore = () => run('bash', ['-c', commands], { cwd: folder, env });
  await expect(restore()).rejects.toThrow(/duplicate key/);
  expect(await everything()).toBe(before);
  await shop.postgres.psql(
    "TRUNCATE items, a, b; SELECT lo_unlink(4242); SELECT setval('numbers', 1); INSERT INTO b VALUES (7, NULL)",
    'shop',
  );
  await shop.postgres.psql('TRUNCATE a, b', 'shop');
  await restore();
  expect(await everything()).toBe(before);
});

test('of a whole server it takes no roles', async () => {
  await shop.platform.json([
    'instance-update',
    'orders',
    '--url',
    `postgres://postgres@127.0.0.1:${shop.proxy.port}`,
  ]);
  const { id } = await shop.platform.json<{ id: string }>([
    'backup-create',
    'orders',
    'all',
    '--data-only',
    '--wait',
  ]);
  const { manifest } = await shop.platform.json<{
    manifest: {
      contents: { name: string }[];
      objects: { stream: string }[];
      details: Record<string, unknown>;
    };
  }>(['backup-show', id]);
  expect(manifest.contents.map(({ name }) => name)).toEqual(['postgres', 'shop']);
  expect(manifest.details).toMatchObject({ globals: false, selection: { data_only: true } });
  expect(manifest.objects.filter(({ stream }) => stream.includes('globals'))).toEqual([]);
});
