import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../../workbooks/actions/action.ts';
import { type Dictionary, isDictionary, type Value } from '../../workbooks/expressions/value.ts';
import { clientCalls } from '../../worker/client-calls.ts';
import { type ActionWorker, actionWorker } from '../conformance/action-kit.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let work: Workspace;
let platform: Platform;
let calls: ReturnType<typeof clientCalls>;
let worker: ActionWorker;

beforeAll(async () => {
  work = createWorkspace('workbook-actions');
  for (const name of ['shop', 'slow']) {
    const database = new DatabaseSync(work.path(`${name}.db`));
    database.exec("CREATE TABLE orders (what TEXT); INSERT INTO orders VALUES ('tea')");
    database.close();
  }
  await work.file(
    'backupctl.yaml',
    'hooks: { wait: { command: [/bin/sleep, "3600"], timeout: 1h } }\nreserve: 0B\ndirectories: { restore: [restored] }\n',
  );
  platform = await startPlatform({ dataDir: work.directory });
  await platform.json(['instance-create', 'shop', '--url', `sqlite://${work.path('shop.db')}`]);
  await platform.json([
    'instance-create',
    'slow',
    '--url',
    `sqlite://${work.path('slow.db')}`,
    '--hook',
    'before=wait',
  ]);
  calls = clientCalls({
    dataDir: platform.dataDir,
    env: { HOME: work.directory, PATH: process.env.PATH ?? '' },
    cwd: '/',
  });
  worker = await actionWorker('', { deps: { callClient: calls.call } });
}, 200_000);

afterAll(async () => {
  await calls?.close();
  await worker?.close();
  await platform?.stop();
  await work?.remove();
});

function resultOf(outcome: Outcome): Value {
  if ('result' in outcome) return outcome.result;
  throw new Error(`no result: ${JSON.stringify(outcome)}`);
}

function dictionaryOf(outcome: Outcome): Dictionary {
  const result = resultOf(outcome);
  if (isDictionary(result)) return result;
  throw new Error(`no dictionary: ${JSON.stringify(result)}`);
}

const execution = (id: string) => ({
  action_execution_id: id,
  task_execution_id: null,
  workflow_execution_id: null,
  workflow_name: null,
});

describe('trove.backups_create', () => {
  test('waits for the backup, and makes one however often it is run', async () => {
    const input = { instance: 'shop', name: 'nightly', description: 'of a workbook', parent_id: null };
    const id = randomUUID();
    const first = dictionaryOf(await worker.run('trove.backups_create', input, { execution: execution(id) }));
    expect(first).toMatchObject({
      name: 'nightly',
      description: 'of a workbook',
      status: 'COMPLETED',
      instance_name: 'shop',
      error: null,
    });
    const environment = new MockActivityEnvironment({ attempt: 2 });
    const again = await worker.run('trove.backups_create', input, { execution: execution(id), environment });
    expect(dictionaryOf(again).id).toBe(first.id);
    const other = dictionaryOf(
      await worker.run('backupctl.backup_create', input, { execution: execution(randomUUID()) }),
    );
    expect(other.id).not.toBe(first.id);
    const list = dictionaryOf(await worker.run('trove.backups_list', {}));
    expect((list.items as readonly Dictionary[]).map((backup) => backup.id).toSorted()).toEqual(
      [first.id, other.id].toSorted(),
    );
  });

  test('that cannot be made fails in words', async () => {
    const outcome = await worker.run('trove.backups_create', { instance: 'nobody', name: 'x' });
    expect(outcome).toEqual({ error: expect.stringMatching(/The action raised an exception.*nobody/) });
  });

  test('is cancelled with its action', async () => {
    const environment = new MockActivityEnvironment();
    const input = { instance: 'slow', name: 'cancelled' };
    const running = worker.run('trove.backups_create', input, {
      environment,
      execution: execution(randomUUID()),
    });
    running.catch(() => {});
    const runs = async () => (await platform.client.executionListByInstance('slow')).items;
    await until(async () => (await runs()).some(({ state }) => state === 'RUNNING'), {
      what: 'the run of the backup',
    });
    const [run] = await runs();
    await until(
      async () =>
        (await platform.client.executionShow(run?.id ?? '')).steps.some(
          ({ name, state }) => name === 'hook_before' && state === 'RUNNING',
        ),
      { what: 'the hook before it' },
    );
    environment.cancel();
    await expect(running).rejects.toThrow(/cancelled/i);
    await until(async () => (await runs())[0]?.state === 'CANCELLED', { what: 'the end of that run' });
  });
});

describe('backupctl.*', () => {
  test('asks what the commands ask, and answers as they do with --json', async () => {
    const backups = dictionaryOf(await worker.run('backupctl.backup_list', { instance: 'shop', limit: 1 }));
    const [backup] = backups.items as readonly Dictionary[];
    const id = backup?.id as string;
    const shown = await platform.json<Dictionary>(['backup-show', id]);
    expect(dictionaryOf(await worker.run('backupctl.backup_show', { backup: id }))).toMatchObject({
      id,
      name: shown.name as string,
      created_at: shown.created_at as string,
    });
    expect(resultOf(await worker.run('backupctl.backup_contents', { backup: id }))).toMatchObject([{}, {}]);
    expect(resultOf(await worker.run('backupctl.backup_content_lines', { backup: id }))).toMatchObject([
      {},
      {},
    ]);
    const verified = dictionaryOf(await worker.run('backupctl.backup_verify', { backup: id, data: true }));
    expect(verified).toMatchObject({ findings: [] });
    expect(resultOf(await worker.run('backupctl.instance_list', {}))).toMatchObject([
      { name: 'shop' },
      { name: 'slow' },
    ]);
    expect(resultOf(await worker.run('backupctl.status', {}))).toHaveLength(2);
    expect(dictionaryOf(await worker.run('backupctl.check_freshness', {}))).toHaveProperty('instances');
    const logs = await worker.run('backupctl.execution_logs', { id: backup?.execution_id ?? '' });
    expect((resultOf(logs) as Value[]).length).toBeGreaterThan(0);
  });

  test('makes, changes, shows and deletes a schedule', async () => {
    const made = dictionaryOf(
      await worker.run('backupctl.schedule_create', {
        instance: 'shop',
        pattern: '0 3 * * *',
        name: 'by-workbook',
        catchup_window: 3600,
        paused: true,
      }),
    );
    expect(made).toMatchObject({ pattern: '0 3 * * *', catchup_window: 3600, paused: true });
    const id = made.id as string;
    const changed = await worker.run('backupctl.schedule_update', { id, pattern: '0 4 * * *' });
    expect(dictionaryOf(changed)).toMatchObject({ pattern: '0 4 * * *', catchup_window: 3600 });
    expect(dictionaryOf(await worker.run('backupctl.schedule_unpause', { id }))).toMatchObject({
      paused: false,
    });
    expect(dictionaryOf(await worker.run('trove.backups_schedule_show', { schedule: id }))).toMatchObject({
      id,
    });
    expect(resultOf(await worker.run('trove.backups_schedule_list', { instance: 'shop' }))).toHaveLength(1);
    expect(await worker.run('backupctl.schedule_delete', { id })).toEqual({ result: null });
    expect(resultOf(await worker.run('backupctl.schedule_list', {}))).toEqual([]);
  });

  test('restores, and deletes a backup and brings it back, and waits for each', async () => {
    const backup = 'shop@latest';
    const restored = await worker.run('backupctl.restore_create', {
      backup,
      options: { to_directory: work.path('restored') },
    });
    expect(dictionaryOf(restored)).toMatchObject({ status: 'COMPLETED' });
    const database = new DatabaseSync(work.path('restored', 'shop.db'));
    expect(database.prepare('SELECT what FROM orders').all()).toMatchObject([{ what: 'tea' }]);
    database.close();
    const { id } = dictionaryOf(await worker.run('backupctl.backup_show', { backup }));
    const deleted = await worker.run('trove.backups_delete', { backup: id as string });
    expect(dictionaryOf(deleted)).toMatchObject({ id, execution: { state: 'SUCCESS' } });
    const back = await worker.run('backupctl.backup_undelete', { backup: id as string });
    expect(dictionaryOf(back)).toMatchObject({ id, execution: { state: 'SUCCESS' } });
    expect(dictionaryOf(await worker.run('backupctl.backup_show', { backup }))).toMatchObject({ id });
  });

  test('what makes another thing each time is not run again where a worker was lost', async () => {
    const environment = new MockActivityEnvironment({ attempt: 2 });
    const input = { instance: 'shop', pattern: '0 3 * * *', name: 'twice' };
    const outcome = await worker.run('backupctl.schedule_create', input, { environment });
    expect(outcome).toEqual({ error: expect.stringContaining('cannot be re-run safely') });
    expect(resultOf(await worker.run('backupctl.schedule_list', {}))).toEqual([]);
  });
});
