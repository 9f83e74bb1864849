import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { openShop, type Shop } from './fixture.ts';

let shop: Shop;
let connection: Connection;

beforeAll(async () => {
  shop = await openShop();
  connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
}, 120_000);

afterAll(async () => {
  await connection?.close();
  await shop?.stop();
});

/** Has the reconciler look now and not within a minute, until the newest copy is as wanted. */
async function copied(id: string, wanted: object): Promise<number> {
  const folder = join(shop.repository, 'schedules', id);
  const reconciler = new Client({ connection }).schedule.getHandle('backupctl-reconciler');
  return until(
    async () => {
      await reconciler.trigger();
      const names = await readdir(folder).catch(() => []);
      const newest = Math.max(...names.map((name) => Number.parseInt(name, 10)));
      if (names.length === 0) return null;
      const copy: unknown = JSON.parse(await readFile(join(folder, `${newest}.json`), 'utf8'));
      try {
        expect(copy).toMatchObject({ id, revision: newest, ...wanted });
        return names.length;
      } catch {
        return null;
      }
    },
    { what: `a copy of ${id} with ${JSON.stringify(wanted)}`, timeout: 60_000, interval: 500 },
  );
}

test('every schedule has a copy in the repository, each change is a revision, and so is its deletion', async () => {
  const words = ['--timezone', 'Asia/Tokyo', '--overlap', 'wait', '--jitter', '5s', '--description', 'words'];
  const { id } = await shop.platform.json<{ id: string }>([
    ...['schedule-create', 'orders', '30 4 * * *', 'nightly', ...words],
  ]);
  const made = { pattern: '30 4 * * *', timezone: 'Asia/Tokyo', jitter: 5, paused: false, deleted: false };
  const input = { instance: shop.instanceId, description: 'words', parent_id: null, name: 'nightly' };
  expect(await copied(id, { ...made, input, policy: { schedule_id: id, overlap: 'wait' } })).toBe(1);

  await shop.platform.json(['schedule-pause', id, '--note', 'a new disk']);
  expect(await copied(id, { ...made, input, paused: true, note: 'a new disk' })).toBe(2);

  await connection.close();
  await shop.platform.shutDown();
  await shop.platform.restart();
  connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
  // What was exported before is not exported again by another process.
  await shop.platform.json(['schedule-update', id, '--pattern', '0 5 * * *']);
  expect(await copied(id, { pattern: '0 5 * * *', paused: true })).toBe(3);

  await shop.platform.cli(['schedule-delete', id]);
  expect(await copied(id, { deleted: true, pattern: '0 5 * * *' })).toBe(4);
}, 180_000);
