import { Client, Connection } from '@temporalio/client';
import { expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import { filesBelow, openShop, productSessions, type Shop, waitForState } from './fixture.ts';

/** PENDING_ACTIVITY_STATE_CANCEL_REQUESTED */
const cancelRequested = 3;

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

test('a run whose attempt fails before it hears that it was cancelled ends CANCELLED, not for the reason of that attempt', async () => {
  const shop = await openShop({ rows: 40_000 });
  try {
    shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 300_000 });
    const { execution_id: id } = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'failing',
    ]);
    await until(async () => (await productSessions(shop)).length > 1, { what: 'the dump to run' });
    // A cancellation travels with the answer to a heartbeat: the end of the sessions is heard of sooner.
    const cancelled = shop.platform.cli(['execution-cancel', id]);
    await until(async () => await isAskedToCancel(shop), {
      interval: 5,
      what: 'the cancellation to be asked for',
    });
    await shop.postgres.psql(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL',
    );
    expect((await cancelled).code).toBe(0);
    const execution = await waitForState(shop, id, 'CANCELLED', 'ERROR', 'SUCCESS');
    expect([execution.state, execution.output]).toEqual(['CANCELLED', { status: 'Backup cancelled' }]);
  } finally {
    await shop.stop();
  }
}, 150_000);

/** Whether the server has been told to cancel the dump, whoever knows of it. */
async function isAskedToCancel(shop: Shop): Promise<boolean> {
  const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
  try {
    const run = new Client({ connection }).workflow.getHandle(`backup/${shop.instanceId}/data`);
    const { raw } = await run.describe();
    return (raw.pendingActivities ?? []).some(({ state }) => state === cancelRequested);
  } finally {
    await connection.close();
  }
}
