import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../servers/wait.ts';
import {
  type BackupJson,
  type ExecutionJson,
  filesBelow,
  filesWith,
  openShop,
  productSessions,
  type Shop,
  waitForRuns,
  waitForState,
} from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 60_000 });
});
afterAll(() => shop?.stop());

/** Makes dumps slow enough to be met in the middle. */
const slowly = () =>
  shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 1_500_000 });

describe('a run', () => {
  test('a schedule fires by itself, its run is listed, and its backup exists', async () => {
    const schedule = await shop.platform.json<{ id: string }>([
      'schedule-create',
      'orders',
      '*/1 * * * *',
      'minutely',
    ]);
    const runs = await waitForRuns(shop, schedule.id, ['SUCCESS'], 100_000);
    const execution = runs.find(({ state }) => state === 'SUCCESS');
    expect(execution?.output).toEqual({ status: 'Backup complete' });
    const backups = await shop.platform.json<BackupJson[]>(['backup-list', '--instance', 'orders']);
    expect(backups.find(({ id }) => id === execution?.backup_id)).toMatchObject({
      name: 'minutely',
      status: 'COMPLETED',
    });
    await shop.platform.json(['schedule-delete', schedule.id]).catch(() => {});
  }, 120_000);

  test('its log is whole when --wait returns, and holds no piece', async () => {
    const backup = await shop.platform.json<BackupJson & { execution_id: string }>([
      'backup-create',
      'orders',
      'logged',
      '--wait',
    ]);
    const files = (await filesBelow(shop.repository)).filter((file) =>
      file.startsWith(`executions/${backup.execution_id}`),
    );
    expect(files).toEqual([`executions/${backup.execution_id}/log.ndjson`]);
    const { stdout } = await shop.platform.cli(['execution-logs', backup.execution_id]);
    expect(stdout).toContain('manifest written');
    expect(stdout).toContain('ended SUCCESS');
  });

  test('its steps are shown with states, attempts and bytes', async () => {
    const backup = await shop.platform.json<{ execution_id: string }>([
      'backup-create',
      'orders',
      'steps',
      '--wait',
    ]);
    const shown = await shop.platform.json<{
      steps: { name: string; state: string; attempts: number; bytes_in: number | null }[];
    }>(['execution-show', backup.execution_id]);
    expect(shown.steps.map(({ name, state, attempts }) => [name, state, attempts])).toEqual(
      expect.arrayContaining([
        ['pick_parent', 'SUCCESS', 1],
        ['dump_upload', 'SUCCESS', 1],
        ['commit', 'SUCCESS', 1],
        ['cleanup', 'SUCCESS', 1],
      ]),
    );
    expect(shown.steps.find(({ name }) => name === 'dump_upload')?.bytes_in).toBeGreaterThan(1000);
  });

  test('a cancel, at ten moments, leaves no object, no upload, no session and no private file', async () => {
    const fault = slowly();
    try {
      for (let moment = 0; moment < 10; moment += 1) {
        const { execution_id: id, id: backupId } = await shop.platform.json<{
          id: string;
          execution_id: string;
        }>(['backup-create', 'orders', `cancelled-${moment}`]);
        const moments = performance.now() + moment * 120;
        while (performance.now() < moments) await productSessions(shop);
        await shop.platform.cli(['execution-cancel', id]);
        const execution = await waitForState(shop, id, 'CANCELLED', 'SUCCESS', 'ERROR');
        expect(execution.state, JSON.stringify(execution.output)).not.toBe('ERROR');
        if (execution.state !== 'CANCELLED') continue;
        const left = (await filesBelow(shop.repository)).filter(
          (file) => file.startsWith('backups/') && file.includes(backupId),
        );
        expect(left).toEqual([]);
        expect((await productSessions(shop)).filter((name) => name.includes(id))).toEqual([]);
      }
      expect(await filesBelow(join(shop.platform.dataDir, 'tmp')).catch(() => [])).toEqual([]);
    } finally {
      fault.remove();
    }
  }, 240_000);

  test('two backups of one instance at once: the second waits for the first', async () => {
    const fault = slowly();
    const ids = [];
    for (const name of ['first', 'second']) {
      ids.push(
        (await shop.platform.json<{ execution_id: string }>(['backup-create', 'orders', name])).execution_id,
      );
    }
    await until(async () => (await productSessions(shop)).length > 0, { what: 'a dump to begin' });
    expect(new Set(await productSessions(shop)).size).toBe(1);
    const making = await shop.platform.json<{ execution_id: string; status: string }>([
      'backup-show',
      'second',
    ]);
    expect(making).toMatchObject({ execution_id: ids[1], status: 'NEW' });
    fault.remove();
    const [first, second] = await Promise.all(
      ids.map((id) => waitForState(shop, id, 'SUCCESS', 'ERROR', 'SKIPPED')),
    );
    expect([first?.state, second?.state]).toEqual(['SUCCESS', 'SUCCESS']);
  }, 120_000);

  test('with --on-busy skip a scheduled run yields to a manual one, and says to which', async () => {
    const fault = slowly();
    const schedule = await shop.platform.json<{ id: string }>([
      'schedule-create',
      'orders',
      '0 0 1 1 *',
      'polite',
      '--on-busy',
      'skip',
    ]);
    const manual = await shop.platform.json<{ execution_id: string }>(['backup-create', 'orders', 'manual']);
    await until(async () => (await productSessions(shop)).length > 0, { what: 'the manual dump to begin' });
    const run = await shop.platform.json<{ id: string }>(['schedule-trigger', schedule.id]);
    const skipped = await waitForState(shop, run.id, 'SKIPPED', 'SUCCESS', 'ERROR');
    fault.remove();
    expect(skipped.state).toBe('SKIPPED');
    expect(skipped.output?.reason).toContain(manual.execution_id);
    await waitForState(shop, manual.execution_id, 'SUCCESS');
  }, 120_000);

  test.each([
    ['skip', ['SUCCESS', 'SKIPPED']],
    ['wait', ['SUCCESS', 'SUCCESS']],
    ['cancel-other', ['CANCELLED', 'SUCCESS']],
  ])(
    'with --overlap %s two runs of a schedule end %j',
    async (overlap, states) => {
      const fault = slowly();
      const schedule = await shop.platform.json<{ id: string }>([
        'schedule-create',
        'orders',
        '0 0 1 1 *',
        overlap,
        '--overlap',
        overlap,
      ]);
      const first = await shop.platform.json<{ id: string }>(['schedule-trigger', schedule.id]);
      await until(async () => (await productSessions(shop)).length > 0, { what: 'the first dump to begin' });
      const second = await shop.platform.json<{ id: string }>(['schedule-trigger', schedule.id]);
      if (overlap !== 'wait')
        await waitForState(shop, overlap === 'skip' ? second.id : first.id, 'SKIPPED', 'CANCELLED');
      fault.remove();
      const ended = [];
      for (const { id } of [first, second])
        ended.push((await waitForState(shop, id, 'SUCCESS', 'SKIPPED', 'CANCELLED', 'ERROR')).state);
      expect(ended).toEqual(states);
    },
    120_000,
  );

  test('a source that is gone is an ERROR that says so, in words', async () => {
    const fault = shop.proxy.inject({ action: 'blackhole' });
    fault.remove();
    await shop.postgres.psql(`ALTER ROLE postgres PASSWORD 'another'`);
    try {
      const { code } = await shop.platform.cli(['backup-create', 'orders', 'locked-out', '--wait']);
      expect(code).toBe(7);
      const executions = await shop.platform.json<ExecutionJson[]>([
        'execution-list',
        '--instance',
        'orders',
      ]);
      const failed = executions.at(-1);
      expect(failed?.state).toBe('ERROR');
      expect(failed?.output?.status).toBe('Backup failed');
      expect(failed?.output?.error).toMatch(/password/);
      expect(failed?.output?.hint).toBeTruthy();
    } finally {
      await shop.postgres.psql(`ALTER ROLE postgres PASSWORD '${shop.password}'`);
    }
  });

  test('the password is nowhere: data directory, repository, histories', async () => {
    expect(await filesWith(shop.platform.dataDir, shop.password)).toEqual([]);
    expect(await readFile(join(shop.workspace.directory, 'password'), 'utf8')).toContain(shop.password);
  });
});
