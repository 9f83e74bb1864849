import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { openShop, type Shop } from './fixture.ts';

interface RestoreJson {
  id: string;
  status: string;
  databases: { database: string; target: string; status: string; note: string }[];
}

let shop: Shop;
let spare: PostgresServer;

beforeAll(async () => {
  [shop, spare] = await Promise.all([openShop({ rows: 500 }), startPostgres({ version: 18 })]);
  const { platform, postgres, workspace } = shop;
  await postgres.psql('CREATE ROLE clerk LOGIN PASSWORD $$clerk-secret$$');
  await postgres.psql('CREATE DATABASE ledger OWNER clerk');
  await postgres.psql('CREATE TABLE entries AS SELECT generate_series(1, 300) AS n', 'ledger');
  await platform.json([
    ...['instance-create', 'all', '--url', postgres.url('')],
    ...['--password-file', await workspace.file('all-password', shop.password)],
  ]);
  await platform.json([
    ...['instance-create', 'spare', '--url', spare.url('')],
    ...['--password-file', await workspace.file('spare-password', spare.superuserPassword)],
  ]);
  await platform.json(['backup-create', 'all', 'server', '--wait']);
}, 200_000);

afterAll(async () => {
  await shop?.stop();
  await spare?.stop();
});

describe('a backup of a whole server', () => {
  test('holds every database, new ones too, and the globals', async () => {
    await shop.postgres.psql('CREATE DATABASE newcomer');
    await shop.platform.json(['backup-create', 'all', 'server-2', '--wait']);
    const contents = await shop.platform.json<{ database: string }[]>(['backup-contents', 'server-2']);
    const text = JSON.stringify(contents);
    for (const name of ['shop', 'ledger', 'newcomer']) expect(text).toContain(`"${name}"`);
    await shop.postgres.psql('DROP DATABASE newcomer');
  });

  test('comes back each database on its own: one that is refused keeps no other from it, and each has its line', async () => {
    await spare.psql('CREATE DATABASE shop');
    await spare.psql('CREATE TABLE precious AS SELECT 1 AS n', 'shop');
    const words = [
      'restore-create',
      'server',
      '--to',
      'spare',
      '--globals',
      '--database',
      'shop',
      '--database',
      'ledger',
    ];
    const { code, stderr } = await shop.platform.cli([...words, '--wait']);
    expect(code, stderr).toBe(7);
    expect(stderr.trim().split('\n')).toHaveLength(1);

    const [restore] = (
      await shop.platform.json<RestoreJson[]>(['restore-list', '--instance', 'spare'])
    ).slice(-1);
    const shown = await shop.platform.json<RestoreJson>(['restore-show', restore?.id ?? '']);
    expect(shown.status).toBe('FAILED');
    const lines = Object.fromEntries(
      shown.databases.map(({ database, status, note }) => [database, { status, note }]),
    );
    expect(lines.ledger?.status).toBe('restored');
    expect(lines.shop?.status).toBe('failed');
    expect(lines.shop?.note).toMatch(/untouched/);

    expect(await spare.psql('SELECT count(*) FROM entries', 'ledger')).toBe('300');
    expect(await spare.psql('SELECT n FROM precious', 'shop')).toBe('1');
    expect(await spare.psql(`SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'ledger'`)).toBe(
      'clerk',
    );
  }, 240_000);
});
