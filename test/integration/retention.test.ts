import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitCodes } from '../../cli/exit-codes.ts';
import { type MetricDefinition, metricDefinitions } from '../../worker/metric-definitions.ts';
import { type BackupJson, type ExecutionJson, openShop, type Shop } from './fixture.ts';

interface ScheduleJson {
  id: string;
  keep_last: number | null;
}

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 100 });
});
afterAll(() => shop?.stop());

const names = async (...flags: string[]) =>
  (await shop.platform.json<BackupJson[]>(['backup-list', ...flags])).map(({ id }) => id);

/** Runs a schedule by hand and gives what became of it. */
async function run(schedule: string) {
  const { id } = await shop.platform.json<ExecutionJson>(['schedule-trigger', schedule, '--wait']);
  return shop.platform.json<ExecutionJson & { steps: { name: string; state: string; output: string }[] }>([
    'execution-show',
    id,
  ]);
}

/** Set by the first test: a backup that the rule has deleted. */
let deleted = '';

describe('schedule-create --keep-last', () => {
  test('removes older backups of that schedule after a good run, in a step and a log of their own, and no others', async () => {
    const schedule = await shop.platform.json<ScheduleJson>([
      ...['schedule-create', 'orders', '0 0 1 1 *', 'yearly', '--keep-last', '2', '--paused'],
    ]);
    const byHand = await shop.platform.json<BackupJson>(['backup-create', 'orders', 'by-hand', '--wait']);
    const runs = [];
    for (let i = 0; i < 3; i += 1) runs.push(await run(schedule.id));
    const [oldest, , newest] = runs.map(({ backup_id }) => backup_id as string);
    expect(await names()).toEqual([byHand.id, ...runs.slice(1).map(({ backup_id }) => backup_id)]);

    const last = runs[2];
    expect(last?.output).toEqual({ status: 'Backup complete' });
    expect(last?.steps.at(-1)).toMatchObject({
      name: 'retain',
      state: 'SUCCESS',
      output: '{"tombstoned": 1, "kept": 2, "held": 0, "left": 0}',
    });
    const { stdout } = await shop.platform.cli(['execution-logs', last?.id ?? '']);
    expect(stdout).toMatch(new RegExp(`deletion of a backup begun.*${oldest}`));
    expect(newest).toBe(last?.backup_id);
    deleted = oldest as string;
  }, 180_000);

  test('is shown where it is set, changed and ended by schedule-update', async () => {
    const { id } = await shop.platform.json<ScheduleJson>([
      ...['schedule-create', 'orders', '0 0 1 1 *', 'other', '--paused'],
    ]);
    expect((await shop.platform.cli(['schedule-show', id])).stdout).not.toContain('keep_last');
    await shop.platform.json<ScheduleJson>(['schedule-update', id, '--keep-last', '7']);
    expect((await shop.platform.cli(['schedule-show', id])).stdout).toMatch(/keep_last +\| 7 /);
    expect((await shop.platform.cli(['schedule-list', '--long'])).stdout).toMatch(
      /Keep Last.*\n.*\n(.*\n)*.*other/,
    );
    const updated = await shop.platform.json<ScheduleJson>(['schedule-update', id, '--keep-all']);
    expect(updated.keep_last).toBeNull();
  }, 30_000);
});

describe('backup-undelete', () => {
  test('brings back what a rule has deleted, as long as backup-list --deleted shows it', async () => {
    expect(await names('--deleted')).toEqual([deleted]);
    const { stdout } = await shop.platform.cli(['backup-list', '--deleted', '--long']);
    expect(stdout).toMatch(/Deleted +\| Removed After +\| Deleted By/);
    const { output } = await shop.platform.json<ExecutionJson>(['backup-undelete', deleted, '--wait']);
    expect(output).toEqual({ status: 'Backup brought back' });
    expect(await names('--deleted')).toEqual([]);
    expect(await names()).toContain(deleted);
    const again = await shop.platform.cli(['backup-undelete', deleted]);
    expect(again.stderr).toContain(`backup ${deleted} is not being deleted`);
  }, 30_000);

  test('is refused once the bytes are gone, and says since when', async () => {
    await shop.platform.cli(['backup-delete', deleted, '--yes', '--wait']);
    await shop.platform.json(['janitor-run', '--grace', '0', '--wait']);
    const late = await shop.platform.cli(['backup-undelete', deleted]);
    expect(late.stderr).toMatch(/cannot be brought back: the removal of its bytes began at \d{4}-/);
    expect(late.code).toBe(exitCodes.refused.code);
    expect(await names('--deleted')).toEqual([]);
  }, 30_000);
});

describe('what the platform says of itself off a terminal', () => {
  test('is JSON lines alone, from the start on, and names executions', async () => {
    const lines = shop.platform.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find(({ message }) => message === 'backupctl is up')).toMatchObject({
      level: 'info',
      pid: shop.platform.pid,
      data_dir: shop.platform.dataDir,
    });
    expect(lines).toContainEqual(
      expect.objectContaining({ workflow: 'backup_create', instance: 'orders', state: 'SUCCESS' }),
    );
    for (const line of lines) expect(Object.keys(line).slice(0, 3)).toEqual(['time', 'level', 'message']);
  });
});

describe('the metrics of this run', () => {
  test('are all defined, with exactly the labels that the definition names', async () => {
    const response = await fetch(`http://127.0.0.1:${shop.platform.port}/metrics`);
    const samples = (await response.text())
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const seen = new Set<string>();
    const definitions: Record<string, MetricDefinition> = metricDefinitions;
    for (const sample of samples) {
      const [, written = '', labels = ''] = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(sample) ?? [];
      const name = definitions[written] === undefined ? written.replace(/_(bucket|sum|count)$/, '') : written;
      const definition = definitions[name];
      expect(definition, sample).toBeDefined();
      const names = [...labels.matchAll(/([a-z_]+)="/g)].map(([, label]) => label);
      const bucket = written.endsWith('_bucket') ? ['le'] : [];
      expect(names, sample).toEqual([...(definition?.labels ?? []), ...bucket]);
      seen.add(name);
    }
    // What takes a failure, a copy, somebody to tell or another platform is shown by other tests.
    const elsewhere = [
      'backupctl_backup_failures_total',
      'backupctl_backup_last_failure_timestamp_seconds',
      'backupctl_copy_debt',
      'backupctl_deletion_debt',
      'backupctl_heartbeats_total',
      'backupctl_instance_max_age_seconds',
      'backupctl_instance_stale',
      'backupctl_notifications_total',
      'backupctl_store_retries_total',
    ];
    const missing = Object.keys(definitions).filter((name) => !seen.has(name));
    expect(missing.filter((name) => !elsewhere.includes(name))).toEqual([]);
  });
});
