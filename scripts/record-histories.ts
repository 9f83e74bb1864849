import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import {
  openShop,
  productSessions,
  type Shop,
  type ShopOptions,
  waitForState,
} from '../test/integration/fixture.ts';
import { projectRoot } from '../test/servers/cache.ts';
import { descendants } from '../test/servers/process.ts';
import { until } from '../test/servers/wait.ts';
import { freshnessWorkflowId } from '../workflows/types.ts';
import { recordWorkbooks } from './record-workbooks.ts';

/**
 * Records the histories of `test/replay`: runs every way that an execution can go on a real platform, and writes what
 * Temporal kept of it, without what belongs to the machine. A release commits what this writes; the test replays all
 * that were ever committed, so that a workflow that changed is found before a run in progress meets it.
 *
 * `node scripts/record-histories.ts [FOLDER [copies|healing|alarms|retention|hooks|deletion|workflows]]`, by default `test/replay` and everything, which takes about
 * three minutes.
 */
const folder = process.argv[2] ?? join(projectRoot, 'test', 'replay');
const only = process.argv[3];

interface Started {
  id: string;
  execution_id: string;
}

class Recorder {
  readonly shop: Shop;
  readonly #client: Client;

  constructor(shop: Shop, client: Client) {
    this.shop = shop;
    this.#client = client;
  }

  /** Writes the history of an execution, and of the children that it started. */
  async execution(name: string, executionId: string): Promise<void> {
    const query = `RunId = '${executionId}'`;
    const row = await until(
      async () => {
        for await (const found of this.#client.workflow.list({ query })) {
          if (found.status.name !== 'RUNNING') return found;
        }
        return null;
      },
      { what: `execution ${executionId} to be closed`, timeout: 60_000 },
    );
    await this.run(name, row.workflowId, row.runId);
  }

  /** Writes the history of the newest closed run of a workflow type. */
  async newest(name: string, type: string): Promise<void> {
    const query = `WorkflowType = '${type}' AND ExecutionStatus != 'Running'`;
    const row = await until(
      async () => {
        for await (const found of this.#client.workflow.list({ query })) return found;
        return null;
      },
      { what: `a closed run of ${type}` },
    );
    await this.run(name, row.workflowId, row.runId);
  }

  /** Waits for the end of a workflow that nobody waits for. */
  async closed(workflowId: string): Promise<void> {
    await until(() => this.#client.workflow.getHandle(workflowId).describe(), {
      what: `${workflowId} to begin`,
    });
    await this.#client.workflow
      .getHandle(workflowId)
      .result()
      .catch(() => {});
  }

  async cancel(workflowId: string): Promise<void> {
    await this.#client.workflow.getHandle(workflowId).cancel();
    await this.closed(workflowId);
  }

  async workflow(name: string, workflowId: string): Promise<void> {
    const { runId } = await this.#client.workflow.getHandle(workflowId).describe();
    await this.run(name, workflowId, runId);
  }

  /** A look at the copies, now. */
  async swept(name: string): Promise<void> {
    const handle = await this.#client.workflow.start('copy_sweep', {
      workflowId: `${name}/now`,
      taskQueue: 'backupctl',
      args: [],
    });
    await handle.result();
    await this.run(name, handle.workflowId, handle.firstExecutionRunId);
  }

  current(workflowId: string) {
    return this.#client.workflow.getHandle(workflowId);
  }

  async runIdOf(workflowId: string): Promise<string> {
    return (await this.#client.workflow.getHandle(workflowId).describe()).runId;
  }

  /** One row for fires that were lost, as the reconciler starts it. */
  async missed(): Promise<void> {
    const input = { instance: this.shop.instanceId, description: null, parent_id: null, name: 'missed' };
    const policy = { schedule_id: null, overlap: 'skip', on_busy: 'wait', catchup_window: 86_400 };
    const missed = {
      reason: 'nothing was there to start them: the platform was down',
      number: 720,
      first: '2026-01-01T00:00:00Z',
      last: '2026-01-01T23:58:00Z',
    };
    const handle = await this.#client.workflow.start('backup_create', {
      workflowId: 'missed/2026-01-01T00:00:00Z',
      taskQueue: 'backupctl',
      args: [input, { ...policy, active_since: null }, missed],
    });
    await handle.result();
    await this.run('backup_create-missed', handle.workflowId, handle.firstExecutionRunId);
  }

  async run(name: string, workflowId: string, runId: string): Promise<void> {
    const history = await this.#client.workflow.getHandle(workflowId, runId).fetchHistory();
    const { History } = proto.temporal.api.history.v1;
    const plain = History.toObject(History.fromObject(history), {
      enums: String,
      longs: String,
      bytes: String,
    });
    const json = scrubbed({ workflow_id: workflowId, history: plain }, this.shop);
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(json, null, 1)}\n`);
    process.stdout.write(`${name}: ${history.events?.length} events\n`);
    for (const event of history.events ?? []) {
      const child = event.childWorkflowExecutionStartedEventAttributes;
      if (child === undefined || child === null || !name.startsWith('backup_create')) continue;
      const type = child.workflowType?.name ?? 'child';
      await this.run(
        name.replace('backup_create', type),
        child.workflowExecution?.workflowId ?? '',
        child.workflowExecution?.runId ?? '',
      );
    }
  }
}

/** What belongs to this machine, by what stands for it. Payloads are JSON in base64, and are changed inside of it. */
function scrubbed(value: unknown, shop: Shop): unknown {
  const words: [string, string][] = [
    [shop.platform.dataDir, '/srv/backupctl'],
    [shop.workspace.directory, '/run/secrets'],
    [projectRoot, '/opt/backupctl'],
    [shop.postgres.dataDirectory, '/var/lib/postgresql'],
    [shop.postgres.socketDirectory, '/run/postgresql'],
    [tmpdir(), '/var/tmp'],
    [hostname(), 'host'],
    [`:${shop.proxy.port}`, ':5432'],
  ];
  const clean = (text: string) => words.reduce((so, [word, stand]) => so.replaceAll(word, stand), text);
  const walk = (node: unknown, key: string): unknown => {
    if (typeof node === 'string') {
      if (key === 'identity') return 'worker';
      if (key === 'stackTrace') return '';
      if (key === 'data' && /^[A-Za-z0-9+/]+=*$/.test(node)) {
        const text = Buffer.from(node, 'base64').toString('utf8');
        return /^[[{"]/.test(text) ? Buffer.from(clean(text)).toString('base64') : node;
      }
      return clean(node);
    }
    if (Array.isArray(node)) return node.map((item) => walk(item, key));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([name, item]) => [name, walk(item, name)]));
  };
  return walk(value, '');
}

/** What watches and tells; of the workflow that never ends, as it is after some rounds. */
async function recordAlarms(recorder: Recorder): Promise<void> {
  const { platform } = recorder.shop;
  await platform.cli(['notify-test']);
  await recorder.newest('notify_test-all', 'notify_test');
  await recorder.newest('notification-sent', 'notification');
  const watching = await recorder.current(freshnessWorkflowId);
  await until(
    async () => {
      await watching.signal('look');
      const { events } = await watching.fetchHistory();
      return (events?.filter((event) => event.activityTaskCompletedEventAttributes).length ?? 0) >= 5;
    },
    { what: 'rounds', interval: 500 },
  );
  await recorder.run('freshness-rounds', freshnessWorkflowId, await recorder.runIdOf(freshnessWorkflowId));
  await recorder.newest('notify-quiet', 'notify');
}

async function record(recorder: Recorder): Promise<void> {
  const { shop } = recorder;
  const { platform } = shop;
  const slowly = () =>
    shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 1_000_000 });
  const backup = (name: string, ...more: string[]) =>
    platform.json<Started>(['backup-create', 'orders', name, ...more]);
  const schedule = (name: string, ...more: string[]) =>
    platform.json<Started>(['schedule-create', 'orders', '0 0 1 1 *', name, ...more]);
  const trigger = (id: string) => platform.json<{ id: string }>(['schedule-trigger', id]);
  const dumping = () =>
    until(async () => (await productSessions(shop)).length > 0, { what: 'a dump to begin' });
  const over = (id: string) =>
    waitForState(shop, id, 'SUCCESS', 'ERROR', 'CANCELLED', 'SKIPPED', 'MISSED').then(({ state }) => state);
  const save = async (name: string, id: string, state: string) => {
    const ended = await over(id);
    if (ended !== state) throw new Error(`${name} ended ${ended}, not ${state}`);
    await recorder.execution(name, id);
  };
  await recorder.newest('instance_change-create', 'instance_change');

  const minutely = await platform.json<Started>(['schedule-create', 'orders', '*/1 * * * *', 'minutely']);
  const fired = await until(
    async () => (await platform.json<{ id: string }[]>(['execution-list', minutely.id])).at(0),
    { timeout: 90_000, interval: 500, what: 'the schedule to fire' },
  );
  await save('backup_create-scheduled', fired.id, 'SUCCESS');
  await platform.cli(['schedule-delete', minutely.id]);

  const manual = await backup('manual', '--wait');
  await save('backup_create-manual', manual.execution_id, 'SUCCESS');

  for (const [overlap, first, second] of [
    ['skip', 'SUCCESS', 'SKIPPED'],
    ['wait', 'SUCCESS', 'SUCCESS'],
    ['cancel-other', 'CANCELLED', 'SUCCESS'],
  ] as const) {
    const fault = slowly();
    const { id } = await schedule(overlap, '--overlap', overlap);
    const one = await trigger(id);
    await dumping();
    const two = await trigger(id);
    if (overlap !== 'wait') await over(overlap === 'skip' ? two.id : one.id);
    fault.remove();
    await save(`backup_create-overlap-${overlap}-first`, one.id, first);
    await save(`backup_create-overlap-${overlap}`, two.id, second);
  }

  {
    const fault = slowly();
    const polite = await schedule('polite', '--on-busy', 'skip');
    const first = await backup('first');
    await dumping();
    const skipped = await trigger(polite.id);
    await over(skipped.id);
    const waiting = await backup('waiting');
    fault.remove();
    await save('backup_create-busy-skip', skipped.id, 'SKIPPED');
    await over(first.execution_id);
    await save('backup_create-busy-wait', waiting.execution_id, 'SUCCESS');
  }

  {
    const fault = slowly();
    const cancelled = await backup('cancelled');
    await dumping();
    await platform.cli(['execution-cancel', cancelled.execution_id]);
    await over(cancelled.execution_id); // a dump that hears of it too late would end well
    fault.remove();
    await save('backup_create-cancelled', cancelled.execution_id, 'CANCELLED');
  }

  {
    const fault = slowly();
    const retried = await backup('retried');
    await dumping();
    const victim = await until(async () => namedBelow(platform.pid, 'pg_dump'), { what: 'pg_dump to run' });
    process.kill(victim, 'SIGKILL');
    fault.remove();
    await save('backup_create-retried', retried.execution_id, 'SUCCESS');
  }

  await shop.postgres.psql(`ALTER ROLE postgres PASSWORD 'another'`);
  await platform.cli(['backup-create', 'orders', 'locked-out', '--wait']);
  await shop.postgres.psql(`ALTER ROLE postgres PASSWORD '${shop.password}'`);
  const failed = (
    await platform.json<{ id: string; state: string }[]>(['execution-list', '--instance', 'orders'])
  )
    .filter(({ state }) => state === 'ERROR')
    .at(-1);
  await save('backup_create-error', failed?.id ?? '', 'ERROR');

  await recorder.missed();

  const restore = (...words: string[]) =>
    platform.json<Started>(['restore-create', manual.id, '--to', 'orders', ...words]);
  const done = await restore('--create-database', 'copy', '--wait');
  await save('restore_create-success', done.execution_id, 'SUCCESS');
  await platform.cli(['restore-create', manual.id, '--to', 'orders', '--dry-run', '--overwrite']);
  await recorder.newest('restore_plan-dry-run', 'restore_plan');
  const refused = await restore();
  await save('restore_create-refused', refused.execution_id, 'ERROR');
  const swapped = await restore('--overwrite', '--wait');
  await save('restore_create-overwrite', swapped.execution_id, 'SUCCESS');
  await platform.cli(['restore-finish', swapped.id, '--wait']);
  await recorder.newest('restore_finish-success', 'restore_finish');
  {
    const fault = shop.proxy.inject({ action: 'throttle', direction: 'to-server', bytesPerSecond: 50_000 });
    const cancelled = await restore('--create-database', 'half');
    const sent = shop.proxy.bytes['to-server'];
    await until(() => shop.proxy.bytes['to-server'] > sent + 100_000, { what: 'the restore to send rows' });
    await platform.cli(['restore-cancel', cancelled.id]);
    fault.remove();
    await save('restore_create-cancelled', cancelled.execution_id, 'CANCELLED');
  }

  await platform.cli(['backup-delete', manual.id, '--yes', '--wait']);
  await recorder.newest('backup_delete-success', 'backup_delete');
  const swept = await platform.cli(['janitor-run', '--grace', '0', '--wait']);
  if (swept.code !== 0) throw new Error(swept.stderr);
  await recorder.newest('janitor-run', 'janitor');
  await recorder.newest('reconcile-again', 'reconcile');
}

/** A backup that is damaged in one place, then in both. */
async function recordHealing(recorder: Recorder): Promise<void> {
  const { platform, repository } = recorder.shop;
  const offsite = join(platform.dataDir, 'offsite');
  const made = await platform.json<Started>(['backup-create', 'orders', 'healed', '--wait']);
  await recorder.closed(`copy/${made.id}/offsite`);
  const shown = await platform.json<{ manifest: { objects: { key: string }[] } }>(['backup-show', made.id]);
  const key = shown.manifest.objects[0]?.key ?? '';
  await rm(join(offsite, key));
  await platform.cli(['backup-heal', made.id, '--wait']);
  await recorder.newest('backup_heal-healed', 'backup_heal');
  await rm(join(offsite, key));
  await rm(join(repository, key));
  await platform.cli(['backup-heal', made.id, '--wait']);
  await recorder.newest('backup_heal-lost', 'backup_heal');
}

/** A rule that deletes, and what brings back what it deleted. */
async function recordRetention(recorder: Recorder): Promise<void> {
  const { platform } = recorder.shop;
  const { id } = await platform.json<Started>([
    ...['schedule-create', 'orders', '0 0 1 1 *', 'kept', '--keep-last', '1', '--paused'],
  ]);
  const runs: { id: string; backup_id: string }[] = [];
  for (let i = 0; i < 2; i += 1) runs.push(await platform.json(['schedule-trigger', id, '--wait']));
  await recorder.execution('backup_create-keep-last', runs[1]?.id ?? '');
  await platform.cli(['backup-undelete', runs[0]?.backup_id ?? '', '--wait']);
  await recorder.newest('backup_undelete-success', 'backup_undelete');
}

/** Runs with hooks: good ones, one that fails before the dump, one that fails after it. */
async function recordHooks(recorder: Recorder): Promise<void> {
  const { platform } = recorder.shop;
  const run = async (name: string, state: string, ...hooks: string[]) => {
    await platform.json(['instance-update', 'orders', ...hooks]);
    const { execution_id: id } = await platform.json<Started>(['backup-create', 'orders', name]);
    const ended = await waitForState(recorder.shop, id, 'SUCCESS', 'ERROR');
    if (ended.state !== state) throw new Error(`${name} ended ${ended.state}, not ${state}`);
    await recorder.execution(`backup_create-hooks-${name}`, id);
  };
  const after = ['--hook-sql', 'after=SELECT 2', '--hook-sql', 'failure=SELECT 3'];
  await run('good', 'SUCCESS', '--hook-sql', 'before=SELECT 1', ...after);
  await run('before', 'ERROR', '--hook-sql', 'before=SELECT 1/0', ...after);
  await run('after', 'ERROR', '--hook-sql', 'before=SELECT 1', '--hook-sql', 'after=SELECT 1/0', ...after);
}

/** A deletion that is written down. */
/** Schedules of workflows: every way that their runs end. */
async function recordWorkflows(recorder: Recorder): Promise<void> {
  const { platform, workspace } = recorder.shop;
  const text = `version: '2.0'
name: probe
workflows:
  good:
    output: {status: done}
    tasks:
      say: {action: std.noop}
  bad:
    output-on-error: {advice: look}
    tasks:
      break: {action: std.fail}
  slow:
    tasks:
      wait: {action: std.async_noop}
`;
  await platform.json(['workbook-create', await workspace.file('probe.yaml', text)]);
  const scheduled = async (workflow: string) => {
    const words = ['schedule-create', '0 5 * * 0', workflow, '--workflow', `probe.${workflow}`];
    return (await platform.json<{ id: string }>(words)).id;
  };
  const trigger = (schedule: string) => platform.json<{ id: string }>(['schedule-trigger', schedule]);
  await recorder.execution('backup_create-workflow', (await trigger(await scheduled('good'))).id);
  await recorder.execution('backup_create-workflow-error', (await trigger(await scheduled('bad'))).id);
  const slow = await scheduled('slow');
  const first = await trigger(slow);
  await recorder.execution('backup_create-workflow-skip', (await trigger(slow)).id);
  await platform.cli(['execution-cancel', first.id]);
  await recorder.execution('backup_create-workflow-cancelled', first.id);
}

async function recordDeletion(recorder: Recorder): Promise<void> {
  const { platform } = recorder.shop;
  const { id } = await platform.json<Started>(['schedule-create', 'orders', '0 0 1 1 *', 'gone']);
  await platform.cli(['schedule-delete', id]);
  await recorder.newest('schedule_export-deleted', 'schedule_export');
}

async function namedBelow(pid: number, name: string): Promise<number | undefined> {
  for (const each of await descendants(pid)) {
    const command = execFileSync('ps', ['-o', 'comm=', '-p', String(each)], { encoding: 'utf8' }).trim();
    if (command === name) return each;
  }
  return undefined;
}

/** Runs whose backups are copied: to a directory, which is then away, and then another platform's. */
async function recordCopies(recorder: Recorder): Promise<void> {
  const { platform, repository } = recorder.shop;
  const offsite = join(platform.dataDir, 'offsite');
  const create = (name: string, ...more: string[]) =>
    platform.json<Started>(['backup-create', 'orders', name, ...more]);
  const copied = await create('copied', '--wait');
  await recorder.closed(`copy/${copied.id}/offsite`);
  await recorder.execution('backup_create-copied', copied.execution_id);
  await recorder.swept('copy_sweep-nothing');

  await rename(offsite, `${offsite}-away`);
  const waiting = await create('waiting');
  await until(
    async () => (await platform.cli(['execution-show', waiting.execution_id])).stdout.includes('in 1 of 2'),
    { what: 'the run to wait for its copy', timeout: 60_000, interval: 500 },
  );
  await platform.cli(['execution-cancel', waiting.execution_id]);
  await waitForState(recorder.shop, waiting.execution_id, 'CANCELLED');
  await recorder.cancel(`copy/${waiting.id}/offsite`);
  await recorder.execution('backup_create-copies-cancelled', waiting.execution_id);

  await rename(`${offsite}-away`, offsite);
  const stranger = JSON.parse(await readFile(join(repository, 'epochs', '1.json'), 'utf8')) as object;
  const epoch = { ...stranger, epoch: 2, platform_id: '00000000-0000-4000-8000-000000000000' };
  await writeFile(join(offsite, 'epochs', '2.json'), JSON.stringify(epoch));
  const refused = await create('refused');
  await recorder.closed(`copy/${refused.id}/offsite`);
  await recorder.workflow('backup_copy-refused', `copy/${refused.id}/offsite`);
  await platform.cli(['execution-cancel', refused.execution_id]);
  await waitForState(recorder.shop, refused.execution_id, 'CANCELLED');
}

async function recorded(options: ShopOptions, runs: (recorder: Recorder) => Promise<void>): Promise<void> {
  const shop = await openShop(options);
  try {
    const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
    try {
      await runs(new Recorder(shop, new Client({ connection })));
    } finally {
      await connection.close();
    }
  } finally {
    await shop.stop();
  }
}

await mkdir(folder, { recursive: true });
if (only === undefined) await recorded({ rows: 40_000 }, record);
if (only === undefined || only === 'retention') await recorded({ rows: 100 }, recordRetention);
if (only === undefined || only === 'hooks') await recorded({ rows: 100 }, recordHooks);
if (only === undefined || only === 'workflows') await recorded({ rows: 100 }, recordWorkflows);
if (only === undefined || only === 'workbooks') {
  await recorded({ rows: 100 }, (recorder) => recordWorkbooks(recorder, recorder.shop.platform));
}
if (only === undefined || only === 'deletion') await recorded({ rows: 100 }, recordDeletion);
if (only === undefined || only === 'copies') {
  const dataDir = await mkdtemp(join(tmpdir(), 'backupctl-record-'));
  const yaml = 'copies: [{ name: offsite, type: filesystem, path: offsite }]\nquorum: 2\n';
  await writeFile(join(dataDir, 'backupctl.yaml'), yaml, { mode: 0o600 });
  await recorded({ dataDir, rows: 100 }, recordCopies);
  await rm(dataDir, { recursive: true, force: true });
}
if (only === undefined || only === 'healing') {
  const dataDir = await mkdtemp(join(tmpdir(), 'backupctl-record-'));
  const yaml = 'copies: [{ name: offsite, type: filesystem, path: offsite }]\n';
  await writeFile(join(dataDir, 'backupctl.yaml'), yaml, { mode: 0o600 });
  await recorded({ dataDir, rows: 100 }, recordHealing);
  await rm(dataDir, { recursive: true, force: true });
}
if (only === undefined || only === 'alarms') {
  const dataDir = await mkdtemp(join(tmpdir(), 'backupctl-record-'));
  const yaml = 'notify: { command: [/bin/true], group_window: 1s, repeat: 10s }\n';
  await writeFile(join(dataDir, 'backupctl.yaml'), yaml, { mode: 0o600 });
  await recorded({ dataDir, rows: 100 }, recordAlarms);
  await rm(dataDir, { recursive: true, force: true });
}
