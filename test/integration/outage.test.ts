import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { openShop, productSessions, type Shop, waitForState } from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 40_000 });
});
afterAll(() => shop?.stop());

/** Ends what is connected, and lets nobody in until that was met. */
async function outage(): Promise<void> {
  await shop.postgres.psql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'backupctl/%'`,
  );
  const away = shop.proxy.inject({ action: 'reset', direction: 'to-client' });
  await until(() => away.hits >= 2, { timeout: 30_000, what: 'the outage to be met' });
  away.remove();
}

const attempts = async (executionId: string, step: string) => {
  const { steps } = await shop.platform.json<{ steps: { name: string; attempts: number }[] }>([
    'execution-show',
    executionId,
  ]);
  return steps.find(({ name }) => name === step)?.attempts;
};

test('a server that is away for some seconds in the middle of a dump costs an attempt, and no backup', async () => {
  const slow = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 500_000 });
  const { execution_id: id } = await shop.platform.json<{ execution_id: string }>([
    'backup-create',
    'orders',
    'through-an-outage',
  ]);
  await until(async () => (await productSessions(shop)).length > 1, { what: 'the dump to run' });
  slow.remove();
  await outage();
  expect((await waitForState(shop, id, 'SUCCESS', 'ERROR')).state).toBe('SUCCESS');
  expect(await attempts(id, 'dump_upload')).toBeGreaterThan(1);
}, 120_000);

test('a server that is away for some seconds in the middle of a restore costs an attempt, and no restore', async () => {
  await shop.platform.json(['backup-create', 'orders', 'to-restore', '--wait']);
  const slow = shop.proxy.inject({ action: 'throttle', direction: 'to-server', bytesPerSecond: 500_000 });
  const { execution_id: id } = await shop.platform.json<{ execution_id: string }>([
    'restore-create',
    'orders@latest',
    '--to',
    'orders',
    '--overwrite',
  ]);
  await until(
    async () =>
      Number(
        await shop.postgres.psql(
          `SELECT count(*) FROM pg_stat_activity WHERE query ~ '^COPY public.items' AND datname ~ '^backupctl_restore_'`,
        ),
      ) > 0,
    { timeout: 30_000, what: 'the restore to fill' },
  );
  slow.remove();
  await outage();
  const { state, output } = await waitForState(shop, id, 'SUCCESS', 'ERROR');
  expect(state, JSON.stringify(output)).toBe('SUCCESS');
  expect(await attempts(id, 'restore_run')).toBeGreaterThan(1);
  expect(await shop.postgres.psql('SELECT count(*) FROM items', 'shop')).toBe('40000');
  expect(await shop.postgres.psql("SELECT datname FROM pg_database WHERE datname ~ '^backupctl_'")).toBe('');
  expect(await shop.postgres.psql('SELECT count(*) FROM pg_db_role_setting')).toBe('0');
}, 120_000);
