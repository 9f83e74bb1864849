import { expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { filesBelow, openShop, productSessions, waitForState } from './fixture.ts';

test('a run whose worker was lost, and that is cancelled before that was noticed, ends CANCELLED and clean', async () => {
  const shop = await openShop({ rows: 40_000 });
  try {
    const fault = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 300_000 });
    const { execution_id: id } = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'lost',
    ]);
    await until(async () => (await productSessions(shop)).length > 1, { what: 'the dump to run' });
    await shop.platform.kill9('everything');
    await shop.platform.restart();
    expect((await shop.platform.cli(['execution-cancel', id])).code).toBe(0);
    const execution = await waitForState(shop, id, 'CANCELLED', 'ERROR', 'SUCCESS');
    expect([execution.state, execution.output]).toEqual(['CANCELLED', { status: 'Backup cancelled' }]);
    fault.remove();
    expect((await filesBelow(shop.repository)).filter((file) => file.startsWith('backups/'))).toEqual([]);
  } finally {
    await shop.stop();
  }
}, 150_000);
