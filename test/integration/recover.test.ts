import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { descendants } from '../servers/process.ts';
import { until } from '../servers/wait.ts';
import { type CliProcess, runCli, spawnCli } from '../servers/workspace.ts';
import {
  type BackupJson,
  type ExecutionJson,
  filesBelow,
  openShop,
  type Shop,
  waitForState,
} from './fixture.ts';

interface ScheduleJson {
  id: string;
  name: string;
  pattern: string;
  timezone: string;
  paused: boolean;
  note: string | null;
  overlap: string;
  jitter: number;
  next_execution_time: string | null;
}

interface RecoveryJson {
  dry_run: boolean;
  epoch: { epoch: number; platform_id: string } | null;
  instances: { name: string; backups: number }[];
  schedules: ScheduleJson[];
  schedules_done: { created: number; changed: number; kept: number; deleted: number } | null;
  workbooks: string[];
  deleted_before: { instances: number; schedules: number };
  backups: { whole: number; damaged: object[]; incomplete: object[] };
  secrets: { instance: string; secret: string; command: string }[];
  problems: string[];
}

/** The first platform, whose machine is lost; what it leaves is its repository and a copy of `identity.txt`. */
let shop: Shop;
let successor: Platform | undefined;
let identity: string;
const ids: Record<string, string> = {};
let before: BackupJson;

const recoverInto = (dataDir: string, ...more: string[]) =>
  runCli(
    [
      ...['recover', '--data-dir', dataDir, '--repository', shop.repository],
      ...(more.includes('--identity') ? more : ['--identity', identity, ...more]),
      '--json',
    ],
    { cwd: shop.workspace.directory },
  );

/** Path and hash of every file below a directory. */
async function tree(directory: string): Promise<string[]> {
  const hash = async (file: string) =>
    createHash('sha256')
      .update(await readFile(join(directory, file)))
      .digest('hex');
  return Promise.all(
    (await filesBelow(directory))
      .filter((file) => !file.includes('#'))
      .map(async (file) => `${file} ${await hash(file)}`),
  );
}

const revisions = async (kind: string, id: string) =>
  (await readdir(join(shop.repository, kind, id)).catch(() => [])).sort();

async function latest(kind: string, id: string): Promise<Record<string, unknown>> {
  const newest = (await revisions(kind, id)).at(-1) ?? '';
  return JSON.parse(await readFile(join(shop.repository, kind, id, newest), 'utf8')) as Record<
    string,
    unknown
  >;
}

beforeAll(async () => {
  shop = await openShop({ rows: 40_000 });
  const { platform, workspace } = shop;
  const words: Record<string, string[]> = {
    nightly: [
      '--timezone',
      'Europe/Paris',
      '--overlap',
      'wait',
      '--jitter',
      '5s',
      '--description',
      'all of it',
    ],
    weekly: [],
    gone: [],
  };
  for (const [name, more] of Object.entries(words)) {
    const { id } = await platform.json<{ id: string }>([
      ...['schedule-create', 'orders', name === 'nightly' ? '30 2 * * *' : '0 4 * * 0', name, ...more],
    ]);
    ids[name] = id;
  }
  await platform.cli(['schedule-delete', ids.gone ?? '']);
  await platform.cli(['schedule-pause', ids.weekly ?? '', '--note', 'a new disk']);
  await platform.json(['instance-create', 'old', '--url', 'postgres://u@127.0.0.1:1/x', '--no-check']);
  await platform.cli(['instance-delete', 'old']);
  before = await platform.json<BackupJson>(['backup-create', 'orders', 'before', '--wait']);
  // Exported by what is to come; a recovery has to find it.
  const workbooks = join(shop.repository, 'workbooks', 'nightly');
  await mkdir(workbooks, { recursive: true });
  await writeFile(join(workbooks, '1.yaml'), '# written 2026-01-01T00:00:00Z by backupctl\nversion: 1\n');
  const connection = await Connection.connect({ address: `127.0.0.1:${platform.temporalPort}` });
  await new Client({ connection }).schedule.getHandle('backupctl-reconciler').trigger();
  await connection.close();
  await until(
    async () =>
      (await revisions('schedules', ids.nightly ?? '')).length > 0 &&
      (await latest('schedules', ids.weekly ?? '').catch(() => null))?.note === 'a new disk',
    { what: 'the schedules to be exported' },
  );
  identity = workspace.path('kept-identity.txt');
  await copyFile(join(platform.dataDir, 'identity.txt'), identity);
}, 120_000);

afterAll(async () => {
  await successor?.stop();
  await shop?.stop();
});

test('creation and deletion of a schedule between two looks of the exporter are a revision each', async () => {
  expect(await revisions('schedules', ids.gone ?? '')).toEqual(['1.json', '2.json']);
  expect(await latest('schedules', ids.gone ?? '')).toMatchObject({
    deleted: true,
    revision: 2,
    pattern: '0 4 * * 0',
  });
});

test('a dry run says what would be done, and writes nothing anywhere', async () => {
  const dataDir = shop.workspace.path('dry');
  const repository = await tree(shop.repository);
  const { code, stdout, stderr } = await recoverInto(dataDir, '--dry-run');
  expect(code, stderr).toBe(0);
  const plan = JSON.parse(stdout) as RecoveryJson;
  expect(plan).toMatchObject({
    dry_run: true,
    epoch: null,
    schedules_done: null,
    instances: [{ name: 'orders', backups: 1, url: expect.stringContaining(`:${shop.proxy.port}/`) }],
    workbooks: ['nightly', 'trove'],
    deleted_before: { instances: 1, schedules: 1 },
    backups: { whole: 1, damaged: [], incomplete: [] },
    secrets: [
      {
        instance: 'orders',
        secret: shop.workspace.path('password'),
        url: expect.stringContaining(`127.0.0.1:${shop.proxy.port}/shop`),
      },
    ],
    problems: [],
  });
  expect(plan.schedules.map(({ id, name, paused, note }) => ({ id, name, paused, note }))).toEqual([
    { id: ids.nightly, name: 'nightly', paused: true, note: expect.stringContaining('recover') as string },
    { id: ids.weekly, name: 'weekly', paused: true, note: 'a new disk' },
  ]);
  expect(existsSync(dataDir)).toBe(false);
  expect(await tree(shop.repository)).toEqual(repository);
});

test('another identity, an unknown signer, another repository: one line each, and nothing is written', async () => {
  const { workspace } = shop;
  const other = workspace.path('other');
  await runCli(['key-create', '--data-dir', other]);
  const untrusting = await workspace.file(
    'untrusting.txt',
    (await readFile(identity, 'utf8')).replace(/^# trust.*\n/gm, ''),
  );
  const trust = /^# trust: (.*)$/m.exec(await readFile(identity, 'utf8'))?.[1] ?? '';
  const repository = await tree(shop.repository);
  const cases: [words: string[], code: number, says: string][] = [
    [['--identity', join(other, 'identity.txt'), '--trust', trust], 12, '--identity'],
    [['--identity', untrusting], 12, '--trust'],
    [['--identity', workspace.path('none.txt')], 11, 'does not exist'],
    [['--identity', workspace.path('password')], 11, 'is no identity'],
    [['--trust', 'ed25519:short'], 2, '--trust'],
    [['--endpoint', 'http://127.0.0.1:1'], 2, '--endpoint'],
  ];
  for (const [words, code, says] of cases) {
    const dataDir = workspace.path(`wrong-${cases.findIndex(([each]) => each === words)}`);
    const result = await recoverInto(dataDir, ...words);
    expect([words, result.code, result.stdout]).toEqual([words, code, '']);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(result.stderr).toContain(says);
    expect(result.stderr).not.toContain('AGE-SECRET-KEY');
    expect(existsSync(join(dataDir, 'platform-id'))).toBe(false);
  }
  expect(await tree(shop.repository)).toEqual(repository);
  const trusting = await recoverInto(
    workspace.path('dry'),
    '--identity',
    untrusting,
    '--trust',
    trust,
    '--dry-run',
  );
  expect(trusting.code, trusting.stderr).toBe(0);
});

test('on a fresh machine it takes over; the old platform wakes up, and can neither commit nor delete', async () => {
  const { platform, workspace } = shop;
  const slow = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 400_000 });
  const late = await platform.json<BackupJson & { execution_id: string }>([
    'backup-create',
    'orders',
    'late',
  ]);
  await until(
    async () => (await filesBelow(shop.repository)).some((file) => file.includes(`${late.id}/data/`)),
    { what: 'the dump to write', timeout: 60_000 },
  );
  const asleep = [platform.pid, ...(await descendants(platform.pid))];
  for (const pid of asleep) process.kill(pid, 'SIGSTOP');

  const dataDir = workspace.path('successor');
  const { code, stdout, stderr } = await recoverInto(dataDir);
  expect(code, stderr).toBe(0);
  const done = JSON.parse(stdout) as RecoveryJson;
  expect(done).toMatchObject({
    dry_run: false,
    epoch: { epoch: 2 },
    schedules_done: { created: 2, changed: 0, kept: 0, deleted: 0 },
  });
  const owner = done.epoch?.platform_id ?? '';
  const backups = (file: string) => /^backups\/.*(manifest|\.sig)/.test(file);
  const committed = (await filesBelow(shop.repository)).filter(backups);

  slow.remove();
  for (const pid of asleep) process.kill(pid, 'SIGCONT');
  const refused = await waitForState(shop, late.execution_id, 'ERROR', 'SUCCESS');
  expect(refused.output?.error).toContain(`(platform ${owner}, epoch 2)`);
  expect(refused.output?.hint).toContain('backupctl recover');
  const again = await platform.json<ExecutionJson & { execution_id: string }>([
    ...['backup-create', 'orders', 'too-late'],
  ]);
  const atOnce = await waitForState(shop, again.execution_id, 'ERROR', 'SUCCESS');
  expect(atOnce.output?.error).toContain(owner);
  const { steps } = await platform.json<{ steps: { name: string; attempts: number; status: string }[] }>([
    ...['execution-show', again.execution_id],
  ]);
  expect(steps.filter(({ name }) => name !== 'close_log')).toMatchObject([
    { name: 'pick_parent', attempts: 1 },
  ]);
  const words = [
    ['backup-delete', before.id, '--yes', '--wait'],
    ['instance-create', 'new', '--url', 'postgres://u@127.0.0.1:1/x', '--no-check'],
  ];
  for (const each of words) {
    const result = await platform.cli(each);
    expect([each, result.code === 0, result.stdout + result.stderr]).toEqual([
      each,
      false,
      expect.stringContaining(owner),
    ]);
  }
  const swept = await platform.cli(['janitor-run', '--grace', '0', '--wait', '--json']);
  expect(swept.stdout).toContain(owner);
  expect(JSON.parse(swept.stdout)).toMatchObject({ output: { removed: [] } });
  expect((await filesBelow(shop.repository)).filter(backups)).toEqual(committed);
  await until(async () => (await readyz(platform.port)).status === 503, { what: 'readyz to say so' });
  expect((await readyz(platform.port)).body).toContain(owner);
  // Of the platform itself; each run that is refused has a line of its own.
  const said = platform.stdout.split('\n').filter((line) => line.includes(owner));
  expect(said.filter((line) => !line.includes('"execution_id"'))).toHaveLength(1);
}, 180_000);

test('the old data directory, started later, refuses its runs at once and writes nothing', async () => {
  const { platform } = shop;
  await platform.kill9('everything');
  const owners = await tree(shop.repository);
  const ready = shop.workspace.path('old.ready');
  const old: CliProcess = spawnCli(['up', '--data-dir', platform.dataDir, '--ready-file', ready], {
    timeout: 120_000,
  });
  try {
    await until(() => old.stdout.includes('backupctl recover'), {
      what: 'up to say whose the repository is',
    });
    expect(old.stdout.trimEnd().split('\n')).toHaveLength(1);
    const triggered = await until(
      async () => {
        const result = await platform.cli(['schedule-trigger', ids.nightly ?? '', '--wait', '--json']);
        return result.stdout.startsWith('{') ? result : null;
      },
      { what: 'Temporal to answer', timeout: 60_000 },
    );
    expect(triggered.code).toBe(7);
    expect(triggered.stdout).toContain('epoch 2');
    expect((await platform.json<BackupJson[]>(['backup-list'])).map(({ id }) => id)).toContain(before.id);
    expect(existsSync(ready)).toBe(false);
    expect(await tree(shop.repository)).toEqual(owners);
  } finally {
    old.kill('SIGTERM');
    await old.result;
  }
}, 120_000);

test('the new platform has schedules, instances and backups, and goes on; --activate lets the schedules fire', async () => {
  const dataDir = shop.workspace.path('successor');
  successor = await startPlatform({ dataDir });
  const schedules = await successor.json<ScheduleJson[]>(['schedule-list']);
  expect(schedules.map(({ id }) => id).sort()).toEqual([ids.nightly, ids.weekly].sort());
  expect(schedules.find(({ name }) => name === 'nightly')).toMatchObject({
    pattern: '30 2 * * *',
    timezone: 'Europe/Paris',
    overlap: 'wait',
    jitter: 5,
    paused: true,
    description: 'all of it',
  });
  expect(schedules.find(({ name }) => name === 'weekly')).toMatchObject({ paused: true, note: 'a new disk' });
  const verified = await successor.cli(['backup-verify', before.id, '--data']);
  expect(verified.code, verified.stderr).toBe(0);

  // The password is a reference that this worker was never allowed to open.
  const shut = await successor.cli(['backup-create', 'orders', 'shut', '--wait']);
  expect(shut.stdout + shut.stderr).toContain('not allowed to open the file');
  const allowed = await successor.cli([
    ...['instance-update', 'orders', '--password-file', shop.workspace.path('password')],
  ]);
  expect(allowed.code, allowed.stderr).toBe(0);
  const after = await successor.json<BackupJson>(['backup-create', 'orders', 'after', '--wait']);
  const whole = (await successor.json<BackupJson[]>(['backup-list'])).filter(
    ({ status }) => status === 'COMPLETED',
  );
  expect(whole.map(({ name }) => name)).toEqual(['before', 'after']);
  expect((await successor.cli(['backup-verify', after.id, '--data'])).code).toBe(0);

  const { code, stdout, stderr } = await recoverInto(dataDir, '--activate');
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    epoch: { epoch: 2 },
    schedules_done: { created: 0, changed: 1, kept: 1 },
    secrets: [],
  });
  const active = await successor.json<ScheduleJson[]>(['schedule-list']);
  expect(active.map(({ name, paused, note }) => ({ name, paused, note }))).toEqual([
    { name: 'nightly', paused: false, note: null },
    { name: 'weekly', paused: true, note: 'a new disk' },
  ]);
  expect(active[0]?.next_execution_time).not.toBeNull();
}, 120_000);

test('a new database of Temporal means no deletion: what the repository has is kept, and made again', async () => {
  const up = successor as Platform;
  await up.shutDown();
  for (const suffix of ['', '-wal', '-shm'])
    await rm(join(up.dataDir, `temporal.db${suffix}`), { force: true });
  await up.restart();
  await until(() => up.stdout.includes('2 schedules of the repository are not in this Temporal'), {
    what: 'up to miss them',
  });
  const connection = await Connection.connect({ address: `127.0.0.1:${up.temporalPort}` });
  const { schedule, workflow } = new Client({ connection });
  const looks = async () => {
    let count = 0;
    const query = "WorkflowType = 'reconcile' AND ExecutionStatus = 'Completed'";
    for await (const _ of workflow.list({ query })) count += 1;
    return count;
  };
  await until(
    async () => {
      await schedule.getHandle('backupctl-reconciler').trigger();
      return (await looks()) >= 2;
    },
    { what: 'the exporter to have looked', timeout: 60_000, interval: 500 },
  );
  await connection.close();
  for (const name of ['nightly', 'weekly']) {
    expect(await latest('schedules', ids[name] ?? '')).toMatchObject({ deleted: false });
  }
  // Its own repository: neither --repository nor --identity has to be given.
  const { code, stdout, stderr } = await up.cli(['recover', '--activate', '--json']);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ epoch: { epoch: 2 }, schedules_done: { created: 2 } });
  const schedules = await up.json<ScheduleJson[]>(['schedule-list']);
  expect(schedules.map(({ name, paused }) => [name, paused])).toEqual([
    ['nightly', false],
    ['weekly', true],
  ]);
}, 120_000);

async function readyz(port: number): Promise<{ status: number; body: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: answer.status, body: await answer.text() };
}
