import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decodeScheduleCopy, encodeScheduleCopy } from '../../repository/schedule-copy.ts';
import { type DescribedSchedule, factsOfSchedule } from '../../repository/schedule-facts.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import {
  type BackupJson,
  filesBelow,
  openShop,
  productSessions,
  type Shop,
  waitForState,
} from './fixture.ts';

const token = 'tok-5c1f9e-secret';
let home: Workspace;
let shop: Shop;

/** A program that writes what it was called for into the journal, then does the rest. */
async function program(name: string, rest = ''): Promise<string> {
  const path = home.path(name);
  const line = `echo "${name} $BACKUPCTL_HOOK $BACKUPCTL_OUTCOME" >> ${home.path('journal')}`;
  await writeFile(path, `#!/bin/sh\n${line}\n${rest}\n`, { mode: 0o755 });
  await chmod(path, 0o755);
  return path;
}

const journal = () =>
  readFile(home.path('journal'), 'utf8').then(
    (text) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => line.trim()),
    () => [],
  );

beforeAll(async () => {
  home = createWorkspace('hooks');
  await home.file('token', `${token}\n`);
  const hooks = {
    freeze: { command: [await program('freeze')] },
    thaw: { command: [await program('thaw')] },
    tell: { command: [await program('tell', 'echo "told with $TOKEN"')], env: { TOKEN: { file: 'token' } } },
    broken: {
      command: [await program('broken', 'echo "$TOKEN is no good" >&2\nexit 3')],
      env: { TOKEN: { file: 'token' } },
    },
    // One that ignores TERM, one that has left the session, and one that is an orphan.
    hangs: {
      command: [
        await program(
          'hangs',
          `setsid sleep 5001 &\n(sh -c 'trap "" TERM; sleep 5002; sleep 5003' &)\nsleep 5004`,
        ),
      ],
      timeout: '2s',
    },
    waits: { command: [await program('waits', 'sleep 5005')] },
    quiet: { command: [await program('quiet', 'sleep 6001 &')] },
    note: { sql: "INSERT INTO items VALUES (-2, 'noted')" },
  };
  // JSON is YAML.
  await home.file('backupctl.yaml', JSON.stringify({ hooks, reserve: '0B' }));
  shop = await openShop({ dataDir: home.directory, rows: 40_000 });
}, 180_000);

afterEach(async () => {
  shop?.proxy.clear();
  await rm(home.path('journal'), { force: true });
});

afterAll(async () => {
  await shop?.stop();
  await home?.remove();
});

const setHooks = (...flags: string[]) => shop.platform.json(['instance-update', 'orders', ...flags]);

interface Run {
  id: string;
  backupId: string;
  state: string;
  output: { status: string; error?: string; hint?: string } | null;
}

async function backup(name: string): Promise<Run> {
  const begun = await begin(name);
  const { state, output } = await waitForState(shop, begun.id, 'SUCCESS', 'ERROR', 'CANCELLED');
  return { ...begun, state, output };
}

async function begin(name: string): Promise<{ id: string; backupId: string }> {
  const { execution_id: id, id: backupId } = await shop.platform.json<{ execution_id: string; id: string }>([
    'backup-create',
    'orders',
    name,
  ]);
  return { id, backupId };
}

const logOf = async (id: string) => (await shop.platform.cli(['execution-logs', id])).stdout;

const statusOf = async (backupId: string) =>
  (await shop.platform.json<BackupJson>(['backup-show', backupId])).status;

/** Rows of `items` in a backup, as its index has counted them. */
async function rowsIn(backupId: string): Promise<number | null | undefined> {
  const contents = await shop.platform.json<{ name: string; rows: number | null }[]>([
    'backup-contents',
    backupId,
  ]);
  return contents.find(({ name }) => name === 'public.items')?.rows;
}

function sleepers(): string[] {
  return commandLines().filter((words) => /^sleep (50|60)0\d$/.test(words));
}

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').join(' ').trim();
      } catch {
        return '';
      }
    });
}

const endSleepers = () => {
  for (const words of sleepers()) {
    const pids = execFileSync('pgrep', ['-fx', words], { encoding: 'utf8' }).trim().split('\n');
    for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  }
};

describe('hooks of an instance', () => {
  test('run before the dump and after it, and are shown', async () => {
    await setHooks(
      ...[
        '--hook',
        'before=freeze',
        '--hook',
        'after=thaw',
        '--hook',
        'before=note',
        '--hook',
        'failure=tell',
      ],
      ...['--hook-sql', 'after=DELETE FROM items WHERE id < 0 RETURNING name'],
    );
    const run = await backup('around');
    expect([run.state, run.output]).toEqual(['SUCCESS', { status: 'Backup complete' }]);
    expect(await rowsIn(run.backupId)).toBe(40_001);
    expect(await shop.postgres.psql('SELECT count(*) FROM items', 'shop')).toBe('40000');
    expect(await journal()).toEqual(['freeze before', 'thaw after success']);
    const log = await logOf(run.id);
    const order = [
      'freeze begins',
      'note begins',
      'everything is uploaded',
      'thaw begins',
      'SQL: noted',
      'manifest written',
    ];
    expect(order.map((text) => log.indexOf(text))).toEqual(
      order.map((text) => log.indexOf(text)).toSorted((a, b) => a - b),
    );
    expect(order.filter((text) => !log.includes(text))).toEqual([]);
    const { stdout } = await shop.platform.cli(['instance-show', 'orders']);
    expect(stdout).toContain(
      'before freeze, after thaw, before note, failure tell, after SQL: DELETE FROM items',
    );
    const { steps } = await shop.platform.json<{ steps: { name: string; state: string }[] }>([
      'execution-show',
      run.id,
    ]);
    expect(steps.map(({ name }) => name).filter((name) => name.startsWith('hook_'))).toEqual([
      'hook_before',
      'hook_before',
      'hook_after',
      'hook_after',
    ]);
  }, 150_000);

  test('a failing one before ends the run without a dump, what comes after still runs, and no secret is in the log', async () => {
    await setHooks(
      '--hook',
      'before=broken',
      '--hook',
      'before=freeze',
      '--hook',
      'after=thaw',
      '--hook',
      'failure=tell',
    );
    const run = await backup('broken');
    expect([run.state, run.output?.error]).toEqual([
      'ERROR',
      'hook before broken: broken ended with exit code 3: *** is no good',
    ]);
    expect(await journal()).toEqual(['broken before', 'thaw after failure', 'tell failure failure']);
    const log = await logOf(run.id);
    expect(log).toContain('told with ***');
    expect(log).not.toContain('attempt begins');
    expect(log).not.toContain(token);
    expect(
      (await filesBelow(shop.repository)).filter(
        (file) => file.startsWith('backups/') && file.includes(run.backupId),
      ),
    ).toEqual([]);
  }, 150_000);

  test('optional ones that fail, or that this worker does not know, are a warning', async () => {
    await setHooks(
      '--no-check',
      '--hook',
      'before=broken',
      '--hook',
      'before=unheard-of',
      '--hook',
      'after=broken',
      '--hook-sql',
      'before=SELECT 1/0',
      '--hook-optional',
      'before',
      '--hook-optional',
      'after=broken',
    );
    const run = await backup('optional');
    expect([run.state, await statusOf(run.backupId)]).toEqual(['SUCCESS', 'COMPLETED']);
    const log = await logOf(run.id);
    expect(log).toContain('an optional hook failed: hook before broken: broken ended with exit code 3');
    expect(log).toContain('an optional hook failed: this worker knows no hook unheard-of');
    expect(log).toContain('division by zero');
  }, 150_000);

  test('a failing one after leaves a complete backup in a run that failed', async () => {
    await setHooks('--hook', 'after=broken', '--hook', 'after=thaw', '--hook', 'failure=tell');
    const run = await backup('after');
    expect(run.output?.error).toBe(
      'the backup is complete, but hook after broken: broken ended with exit code 3: *** is no good',
    );
    expect([run.state, await statusOf(run.backupId)]).toEqual(['ERROR', 'COMPLETED']);
    const thrice = Array<string>(3).fill('broken after success');
    expect(await journal()).toEqual([...thrice, 'thaw after success', 'tell failure failure']);
  }, 150_000);

  test('one that takes too long is ended with everything that it started', async () => {
    await setHooks('--hook', 'before=hangs', '--hook', 'after=thaw');
    try {
      const run = await backup('hangs');
      expect(run.output?.error).toBe('hook before hangs did not end within 2 s');
      expect(sleepers()).toEqual([]);
      expect(await journal()).toEqual(['hangs before', 'thaw after failure']);
    } finally {
      endSleepers();
    }
  }, 150_000);

  test('one that leaves something in the background has ended all the same', async () => {
    await setHooks('--hook', 'before=quiet', '--hook', 'after=thaw');
    try {
      expect((await backup('quiet')).state).toBe('SUCCESS');
      expect(sleepers()).toEqual(['sleep 6001']);
    } finally {
      endSleepers();
    }
  }, 150_000);

  test('statements that take too long are ended on the server', async () => {
    await setHooks(
      '--hook-sql',
      'before=SELECT pg_sleep(5000)',
      '--hook-timeout',
      '2s',
      '--hook',
      'after=thaw',
    );
    const run = await backup('sleepy');
    expect(run.output?.error).toBe('hook before SQL did not end within 2 s');
    await until(async () => (await productSessions(shop)).length === 0, { what: 'the session to be gone' });
    expect(await journal()).toEqual(['thaw after failure']);
  }, 150_000);

  test('what comes after runs when the run is cancelled in the hook before, and in the dump', async () => {
    await setHooks('--hook', 'before=waits', '--hook', 'after=thaw', '--hook', 'failure=tell');
    const first = await begin('cancelled-early');
    await until(() => sleepers().length > 0, { what: 'the hook to wait' });
    await shop.platform.cli(['execution-cancel', first.id]);
    expect((await waitForState(shop, first.id, 'CANCELLED', 'ERROR', 'SUCCESS')).state).toBe('CANCELLED');
    expect(sleepers()).toEqual([]);
    expect(await journal()).toEqual(['waits before', 'thaw after cancelled']);

    await setHooks('--hook', 'before=freeze', '--hook', 'after=thaw', '--hook', 'failure=tell');
    shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 300_000 });
    const second = await begin('cancelled-late');
    await until(async () => (await productSessions(shop)).length > 1, { what: 'the dump to run' });
    await shop.platform.cli(['execution-cancel', second.id]);
    expect((await waitForState(shop, second.id, 'CANCELLED', 'ERROR', 'SUCCESS')).state).toBe('CANCELLED');
    expect((await journal()).slice(2)).toEqual(['freeze before', 'thaw after cancelled']);
  }, 180_000);

  test('what comes after runs while the repository is away', async () => {
    await setHooks('--hook', 'before=freeze', '--hook', 'after=thaw');
    shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 300_000 });
    const run = await begin('stranded');
    await until(async () => (await productSessions(shop)).length > 1, { what: 'the dump to run' });
    await rename(shop.repository, `${shop.repository}-away`);
    try {
      const asked = shop.platform.cli(['execution-cancel', run.id]);
      await until(async () => (await journal()).length > 1, {
        timeout: 90_000,
        what: 'the application to be thawed',
      });
      expect(await journal()).toEqual(['freeze before', 'thaw after cancelled']);
      await asked;
    } finally {
      await rm(shop.repository, { recursive: true, force: true });
      await rename(`${shop.repository}-away`, shop.repository);
    }
    expect((await waitForState(shop, run.id, 'CANCELLED', 'ERROR', 'SUCCESS')).state).toBe('CANCELLED');
  }, 300_000);

  test('what comes after runs when the worker is killed in the dump, once the dump has been made again', async () => {
    await setHooks('--hook', 'before=freeze', '--hook', 'after=thaw');
    const fault = shop.proxy.inject({ action: 'throttle', direction: 'to-client', bytesPerSecond: 300_000 });
    const run = await begin('killed');
    await until(async () => (await productSessions(shop)).length > 1, { what: 'the dump to run' });
    await shop.platform.kill9('everything');
    fault.remove();
    expect(await journal()).toEqual(['freeze before']);
    await shop.platform.restart();
    const { state } = await waitForState(shop, run.id, 'SUCCESS', 'ERROR');
    expect([state, await journal()]).toEqual(['SUCCESS', ['freeze before', 'thaw after success']]);
  }, 300_000);

  test('are taken away', async () => {
    expect(await setHooks('--no-hooks')).toMatchObject({ hooks: [] });
    expect((await backup('without')).state).toBe('SUCCESS');
    expect(await journal()).toEqual([]);
  }, 150_000);
});

test('hooks of a schedule run within those of the instance, are shown, changed, and stand in the copy that the repository keeps', async () => {
  await setHooks('--hook', 'before=freeze', '--hook', 'after=thaw');
  const { id, hooks } = await shop.platform.json<{ id: string; hooks: unknown[] }>([
    ...['schedule-create', 'orders', '0 0 1 1 *', 'hooked', '--paused'],
    ...['--hook', 'after=tell', '--hook-sql', 'before=SELECT 7', '--hook-optional', 'before'],
  ]);
  expect(hooks).toEqual([
    { when: 'after', run: 'tell' },
    { when: 'before', sql: 'SELECT 7', optional: true },
  ]);
  expect((await shop.platform.cli(['schedule-show', id])).stdout).toContain(
    'after tell, before SQL (optional): SELECT 7',
  );
  const { id: execution } = await shop.platform.json<{ id: string }>(['schedule-trigger', id]);
  await waitForState(shop, execution, 'SUCCESS');
  expect(await journal()).toEqual(['freeze before', 'tell after success', 'thaw after success']);
  expect(await logOf(execution)).toContain('SQL: 7');
  const changed = await shop.platform.json<{ hooks: unknown }>([
    ...['schedule-update', id, '--hook', 'failure=tell'],
  ]);
  expect(changed.hooks).toEqual([{ when: 'failure', run: 'tell' }]);
  const description = await describedByTemporal(id);
  const facts = factsOfSchedule(description);
  if (facts === null) throw new Error('it is one of ours');
  // What the reconciler writes every minute, and `recover` makes schedules of.
  const bytes = encodeScheduleCopy({ ...facts, revision: 1, deleted: false });
  expect(decodeScheduleCopy(`schedules/${id}/1.json`, bytes).input.hooks).toEqual(changed.hooks);
  expect(await shop.platform.json(['schedule-update', id, '--no-hooks'])).toMatchObject({ hooks: [] });
}, 180_000);

async function describedByTemporal(id: string): Promise<DescribedSchedule> {
  const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
  try {
    return await new Client({ connection }).schedule.getHandle(id).describe();
  } finally {
    await connection.close();
  }
}

describe('what nobody allowed', () => {
  test.each([
    ['--hook', 'before=unheard-of', 'this worker knows no hook unheard-of'],
    ['--hook', 'before=constructor', 'this worker knows no hook constructor'],
    ['--hook', 'before=/bin/sh', 'the hook before /bin/sh cannot be'],
    ['--hook', 'freeze', '--hook wants a moment and a name'],
    ['--hook-sql', 'SELECT 1', '--hook-sql wants a moment and a statement'],
    ['--hook-optional', 'before', '--hook-optional and --hook-timeout are of hooks'],
  ])('%s %s is refused in a line', async (flag, value, words) => {
    const { code, stderr } = await shop.platform.cli(['instance-update', 'orders', flag, value]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(words);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('is not run for who reaches Temporal: no other command, no other statements, with no other words', async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
    const client = new Client({ connection });
    await setHooks('--no-hooks');
    const policy = {
      schedule_id: null,
      overlap: 'skip',
      on_busy: 'wait',
      catchup_window: 0,
      active_since: null,
    };
    const straight = async (hooks: unknown) => {
      const input = { instance: shop.instanceId, description: null, parent_id: null, name: 'x', hooks };
      const run = await client.workflow
        .execute('backup_create', { workflowId: randomUUID(), taskQueue: 'backupctl', args: [input, policy] })
        .catch((error: { cause?: Error }) => error.cause?.message);
      return run;
    };
    try {
      expect(await straight([{ when: 'before', sql: 'DROP TABLE items' }])).toBe(
        'this worker is not allowed to run these statements of a hook',
      );
      expect(await straight([{ when: 'before', run: 'toString' }])).toBe(
        'a hook of this run is none that can be read',
      );
      for (const name of ['constructor', 'sh', 'has']) {
        expect(await straight([{ when: 'before', run: name }])).toBe(`this worker knows no hook ${name}`);
      }
      for (const hook of [
        { when: 'before', run: '/bin/sh' },
        { when: 'before', run: 'freeze', command: ['/bin/sh', '-c', 'true'] },
        { when: 'before', command: ['/bin/sh', '-c', 'true'] },
        { when: 'before', run: 'freeze', sql: 'SELECT 1' },
        { when: 'before', run: 'freeze', timeout: 1e9 },
        null,
        'freeze',
      ]) {
        expect(await straight([hook]), JSON.stringify(hook)).toBe(
          'a hook of this run is none that can be read',
        );
      }
      expect(await journal()).toEqual([]);
      expect(await shop.postgres.psql('SELECT count(*) FROM items', 'shop')).toBe('40000');
    } finally {
      await connection.close();
    }
  }, 180_000);
});
