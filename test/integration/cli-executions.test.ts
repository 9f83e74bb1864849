import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { type ExecutionJson, openShop, productSessions, type Shop, waitForState } from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 20_000 });
  const url = `postgres://postgres@127.0.0.1:${shop.proxy.port}/shop`;
  const words = ['--url', url, '--password-file', shop.workspace.path('password')];
  await shop.platform.json(['instance-create', 'orders-archive', ...words]);
});
afterAll(() => shop?.stop());

const schedule = (instance: string, pattern: string, name: string, ...more: string[]) =>
  shop.platform.json<{ id: string }>(['schedule-create', instance, pattern, name, ...more]);
const list = async (...words: string[]) =>
  (await shop.platform.json<ExecutionJson[]>(['execution-list', ...words])).map(({ id }) => id);
const trigger = (id: string) => shop.platform.json<{ id: string }>(['schedule-trigger', id]);

/** Holds the lane of `orders`, so that scheduled runs with `--on-busy skip` end at once, until it is let go. */
async function busy(): Promise<() => Promise<void>> {
  const slow = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 20_000 });
  const holder = await shop.platform.json<{ execution_id: string }>(['backup-create', 'orders', 'holder']);
  await until(async () => (await productSessions(shop)).length > 0, { what: 'the dump to begin' });
  return async () => {
    slow.remove();
    await waitForState(shop, holder.execution_id, 'SUCCESS');
  };
}

describe('executions on the command line', () => {
  test('of two schedules with equal input stay apart, and so do instances whose name is part of another', async () => {
    const a = await schedule('orders', '0 0 1 1 *', 'equal');
    const b = await schedule('orders', '0 0 1 1 *', 'equal');
    const c = await schedule('orders-archive', '0 0 1 1 *', 'equal');
    const runs = [];
    for (const { id } of [a, b, c]) {
      const run = await trigger(id);
      await waitForState(shop, run.id, 'SUCCESS');
      runs.push(run.id);
    }
    expect(await Promise.all([a, b, c].map(({ id }) => list(id)))).toEqual(runs.map((id) => [id]));
    expect(await list('--instance', 'orders')).toEqual(runs.slice(0, 2));
    expect(await list('--instance', 'orders-archive')).toEqual(runs.slice(2));
  }, 120_000);

  test('that run are not deleted but told how to cancel; that just ended leave the list with their deletion', async () => {
    const letGo = await busy();
    const [running] = (await list('--instance', 'orders')).slice(-1);
    const refused = await shop.platform.cli(['execution-delete', running ?? '']);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain(`execution-cancel ${running}`);
    await letGo();
    const deleted = await shop.platform.cli(['execution-delete', running ?? '']);
    expect(deleted.code, deleted.stderr).toBe(0);
    expect(await list('--instance', 'orders')).not.toContain(running);
    expect((await shop.platform.cli(['execution-show', running ?? ''])).code).toBe(3);
  }, 120_000);

  test('over 120 are paged with markers, without a loss or a double, while new ones arrive', async () => {
    const letGo = await busy();
    const { id } = await schedule('orders', '* * * * *', 'many', '--on-busy', 'skip', '--paused');
    const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
    try {
      const start = new Date(Date.UTC(2026, 0, 1, 0, 0, 30));
      const end = new Date(start.getTime() + 125 * 60_000);
      await new Client({ connection }).schedule.getHandle(id).backfill({ start, end, overlap: 'ALLOW_ALL' });
    } finally {
      await connection.close();
    }
    const known = await until(
      async () => {
        const { items } = await shop.platform.client.executionList(id, { limit: 1000 });
        return items.length === 125 && items.every(({ state }) => state === 'SKIPPED')
          ? items.map((row) => row.id)
          : null;
      },
      { timeout: 120_000, interval: 300, what: '125 runs to be over' },
    );
    const pages: string[][] = [];
    for (let marker: string | undefined; ; ) {
      const page = await list(id, '--limit', '40', ...(marker === undefined ? [] : ['--marker', marker]));
      if (page.length === 0) break;
      pages.unshift(page);
      marker = page[0];
      await trigger(id);
    }
    await letGo();
    const listed = pages.flat();
    expect(pages.every((page) => page.length <= 40)).toBe(true);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toEqual(known);
    expect(await list(id, '--limit', '1000')).toHaveLength(known.length + pages.length);
  }, 240_000);
});
