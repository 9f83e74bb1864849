import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { openShop, productSessions, type Shop } from './fixture.ts';

interface RestoreJson {
  id: string;
  status: string;
  backup_id: string;
  instance_id: string;
  execution_id: string;
  databases: { database: string; target: string; status: string; kept_as: string | null }[];
}

let shop: Shop;
let backup: { id: string };

beforeAll(async () => {
  shop = await openShop();
  backup = await shop.platform.json(['backup-create', 'orders', 'base', '--wait']);
}, 200_000);

afterAll(() => shop?.stop());

const restore = (...words: string[]) =>
  shop.platform.json<RestoreJson>(['restore-create', 'orders@latest', '--to', 'orders', ...words, '--wait']);
const refused = (...words: string[]) =>
  shop.platform.cli(['restore-create', 'orders@latest', '--to', 'orders', ...words]);
const databases = async () =>
  (await shop.postgres.psql('SELECT datname FROM pg_database ORDER BY 1')).split('\n');
const rows = (database: string) => shop.postgres.psql('SELECT count(*), max(name) FROM items', database);

describe('a restore by the command line', () => {
  test('into a new database brings every row back, and is listed and shown', async () => {
    const made = await restore('--create-database', 'copy');
    expect(made).toMatchObject({ status: 'COMPLETED', backup_id: backup.id, instance_id: shop.instanceId });
    expect(made.databases).toMatchObject([{ database: 'shop', target: 'copy', status: 'restored' }]);
    expect(await rows('copy')).toBe(await rows('shop'));

    const listed = await shop.platform.json<RestoreJson[]>(['restore-list', '--instance', 'orders']);
    expect(listed.at(-1)).toMatchObject({ id: made.id, status: 'COMPLETED' });
    expect(await shop.platform.json<RestoreJson>(['restore-show', made.id])).toMatchObject({ id: made.id });
    const { stdout } = await shop.platform.cli(['restore-list', '--limit', '1']);
    expect(stdout.split('\n')[1]).toMatch(/^\| ID +\| Backup ID +\| Instance ID +\| Status +\| Started +\|$/);
    expect(stdout).toContain(made.id);
  });

  test('without --wait returns at once with an id that can be followed to its end', async () => {
    const started = await shop.platform.json<RestoreJson>([
      ...['restore-create', backup.id, '--to', 'orders', '--create-database', 'followed'],
    ]);
    expect(started.status).toMatch(/^(NEW|RESTORING)$/);
    await until(async () => (await shop.platform.client.restoreShow(started.id)).status === 'COMPLETED', {
      what: 'the restore to be COMPLETED',
      timeout: 60_000,
    });
    expect((await shop.platform.json<RestoreJson>(['restore-show', started.id])).status).toBe('COMPLETED');
    expect(await rows('followed')).toBe(await rows('shop'));
  });

  test('over what is there is refused without --overwrite, which the dry run says before', async () => {
    const before = await databases();
    const plan = await refused('--dry-run');
    expect(plan.code).toBe(4);
    expect(plan.stdout).toContain('| refuse |');
    const { code, stderr } = await refused('--wait');
    expect(code).toBe(7);
    expect(stderr).toMatch(/^backupctl: [^\n]*--overwrite[^\n]*\n$/);
    expect(await databases()).toEqual(before);
  });

  test('with --overwrite swaps, keeps the old one until restore-finish, and finishes once', async () => {
    await shop.postgres.psql("UPDATE items SET name = 'changed'", 'shop');
    const plan = await refused('--overwrite', '--dry-run');
    expect([plan.code, plan.stdout.includes('| swap ')]).toEqual([0, true]);

    const made = await restore('--overwrite');
    const kept = made.databases[0]?.kept_as ?? '';
    expect(await rows('shop')).toBe(await rows('copy'));
    expect(await rows(kept)).toBe('2000|changed');

    const finished = await shop.platform.cli(['restore-finish', made.id, '--wait', '--json']);
    expect(finished.code).toBe(0);
    expect(JSON.parse(finished.stdout)).toMatchObject({ state: 'SUCCESS' });
    expect(await databases()).not.toContain(kept);
    const again = await shop.platform.cli(['restore-finish', made.id, '--wait']);
    expect([again.code, again.stdout]).toEqual([5, '']);
  });

  test('with --drop-old keeps nothing, and there is nothing to finish', async () => {
    const before = await databases();
    const made = await restore('--overwrite', '--drop-old');
    expect(made.databases).toMatchObject([{ target: 'shop', kept_as: null }]);
    expect(await databases()).toEqual(before);
    expect((await shop.platform.cli(['restore-finish', made.id])).code).toBe(4);
  });

  test('takes a part into a new database only', async () => {
    await restore('--create-database', 'part', '--include', 'public.items');
    expect(await rows('part')).toBe(await rows('shop'));
    const { code, stderr } = await refused('--overwrite', '--include', 'public.items');
    expect([code, stderr.includes('--create-database')]).toEqual([2, true]);
  });

  test('that is cancelled leaves neither database nor session, and says CANCELLED', async () => {
    const before = await databases();
    const fault = shop.proxy.inject({ action: 'throttle', direction: 'to-server', bytesPerSecond: 4_000 });
    try {
      const started = await shop.platform.json<RestoreJson>([
        ...['restore-create', backup.id, '--to', 'orders', '--create-database', 'never'],
      ]);
      await until(async () => (await databases()).length > before.length, {
        what: 'the restore to make its database',
        timeout: 60_000,
      });
      const { code, stdout } = await shop.platform.cli(['restore-cancel', started.id, '--wait', '--json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ id: started.id, status: 'CANCELLED' });
    } finally {
      fault.remove();
    }
    expect(await databases()).toEqual(before);
    expect(await productSessions(shop)).toEqual([]);
  });

  test.each([
    ['gone', /does not exist/, () => rm(shop.workspace.path('password'))],
    [
      'no longer allowed to be opened',
      /not allowed to open/,
      () => rm(join(shop.platform.dataDir, 'allowed-secrets.ndjson')),
    ],
  ])(
    'whose password file is %s fails at the first attempt, as no other would do better',
    async (_, words, spoil) => {
      await spoil();
      const { code, stderr } = await refused('--create-database', 'never', '--wait');
      expect(code).toBe(7);
      expect(stderr).toMatch(words);
      const { items } = await shop.platform.client.restoreList({ instance: 'orders' });
      const { steps, state } = await shop.platform.client.executionShow(items.at(-1)?.executionId ?? '');
      expect(state).toBe('ERROR');
      expect(steps.map(({ name, attempts }) => [name, attempts])).toContainEqual(['restore_plan', 1]);
      expect(steps.filter(({ attempts }) => attempts > 1)).toEqual([]);
    },
  );
});
