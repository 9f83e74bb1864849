import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';
import { startProxy } from '../servers/proxy.ts';
import { until } from '../servers/wait.ts';
import { cliEnvironment, createWorkspace, launcher } from '../servers/workspace.ts';

type Row = Record<string, unknown> & { id: string };

const workspace = createWorkspace('cli-platform');
let platform: Platform;
let postgres: PostgresServer;
let instance: Row;
let schedule: Row;
let backup: Row;

beforeAll(async () => {
  [platform, postgres] = await Promise.all([startPlatform(), startPostgres({ version: 18 })]);
  await postgres.psql('CREATE DATABASE shop');
  await postgres.psql('CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (1), (2)', 'shop');
  const password = await workspace.file('password', `${postgres.superuserPassword}\n`);
  const where = ['--url', postgres.url('shop'), '--password-file', password];
  instance = await platform.json<Row>(['instance-create', 'orders', ...where]);
  schedule = await platform.json<Row>(['schedule-create', 'orders', '0 0 1 1 *', 'yearly']);
  backup = await platform.json<Row>(['backup-create', 'orders', 'first', '--wait']);
}, 200_000);

afterAll(async () => {
  await platform?.discard();
  await postgres?.stop();
  await workspace.remove();
});

/** What a command prints, when it succeeds in silence. */
async function printed(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await platform.cli(args);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('tables', () => {
  test('schedule-create prints the eight rows of the seed, and no others', async () => {
    const table = await printed(
      'schedule-create',
      instance.id,
      '*/2 * * * *',
      'myback',
      '--description',
      'a "b" ü',
    );
    await platform.cli(['schedule-delete', /\| id +\| (\S+)/.exec(table)?.[1] ?? '']);
    const rows = table.split('\n').filter((line) => line.startsWith('| '));
    const cells = rows.map((row) =>
      row.split(' | ').map((cell) => cell.replace(/^\| /, '').replace(/ *\|?$/, '')),
    );
    expect(cells.map(([name]) => name)).toEqual([
      ...['Property', 'created_at', 'description', 'id', 'input', 'instance', 'name', 'next_execution_time'],
      ...['parent_id', 'pattern'],
    ]);
    const value = Object.fromEntries(cells) as Record<string, string>;
    expect(value.created_at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    expect(value.next_execution_time).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d[02468]:00$/);
    expect(value.input).toBe(
      `{"instance": "${instance.id}", "description": "a \\"b\\" ü", "parent_id": null, "name": "myback"}`,
    );
    expect(value.parent_id).toBe('None');
    expect(
      new Set(
        table
          .trimEnd()
          .split('\n')
          .map((line) => line.length),
      ).size,
    ).toBe(1);
  });

  test('each list has its columns, and a row a line', async () => {
    const headers = async (...args: string[]) => {
      const lines = (await printed(...args)).trimEnd().split('\n');
      expect(lines[0]).toMatch(/^\+[-+]+\+$/);
      return lines[1]
        ?.split('|')
        .map((cell) => cell.trim())
        .filter(Boolean);
    };
    expect(await headers('schedule-list', 'orders')).toEqual([
      'ID',
      'Name',
      'Pattern',
      'Next Execution Time',
    ]);
    expect(await headers('execution-list', schedule.id)).toEqual(['ID', 'Execution Time', 'State', 'Output']);
    const rest = ['Name', 'Status', 'Parent ID', 'Updated'];
    expect(await headers('backup-list')).toEqual(['ID', 'Instance ID', ...rest]);
    expect(await headers('backup-list-instance', 'orders')).toEqual(['ID', ...rest]);
  });

  test('schedule-show adds updated_at, --long everything', async () => {
    const short = await printed('schedule-show', schedule.id);
    expect(short).toContain('| updated_at ');
    expect(short).not.toContain('| timezone ');
    expect(await printed('schedule-show', schedule.id, '--long')).toMatch(/\| timezone +\| UTC +\|/);
  });
});

describe('--json', () => {
  test('schedules', async () => {
    const list = JSON.parse(await printed('schedule-list', 'orders', '--json')) as Row[];
    expect(list).toEqual([
      expect.objectContaining({
        ...{ id: schedule.id, name: 'yearly', pattern: '0 0 1 1 *', paused: false },
        ...{ instance: instance.id, next_execution_time: instant, created_at: instant, updated_at: null },
        input: { instance: instance.id, description: null, parent_id: null, name: 'yearly' },
      }),
    ]);
    expect(JSON.parse(await printed('schedule-show', schedule.id, '--json'))).toEqual(list[0]);
  });

  test('backups', async () => {
    expect(backup).toMatchObject({ id: uuid, name: 'first', status: 'COMPLETED', instance_id: instance.id });
    const [listed] = JSON.parse(await printed('backup-list', '--json')) as Row[];
    expect(listed).toMatchObject({ id: backup.id, name: 'first', status: 'COMPLETED', parent_id: null });
    expect(JSON.parse(await printed('backup-verify', 'orders@latest', '--data', '--json'))).toEqual({
      ...{ id: backup.id, name: 'first', findings: [], read: ['primary'], unread: [] },
    });
    expect(JSON.parse(await printed('backup-contents', 'first', '--json'))).toContainEqual(
      expect.objectContaining({ database: 'shop', kind: 'table', name: 'public.item', rows: 2, exact: true }),
    );
  });

  test('executions, with their steps', async () => {
    const [execution] = JSON.parse(
      await printed('execution-list', '--instance', 'orders', '--json'),
    ) as Row[];
    expect(execution).toMatchObject({
      ...{ id: uuid, state: 'SUCCESS', output: { status: 'Backup complete' }, backup_id: backup.id },
      ...{ execution_time: instant, schedule_id: null },
    });
    const shown = JSON.parse(await printed('execution-show', execution?.id ?? '', '--json')) as {
      steps: Row[];
    };
    expect(shown.steps.length).toBeGreaterThanOrEqual(4);
    expect(shown.steps[0]).toMatchObject({ state: 'SUCCESS', attempts: 1, started_at: instant });
    const lines = (await printed('execution-logs', execution?.id ?? '', '--json')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as Row)[0]).toMatchObject({ level: expect.any(String) });
  });

  test('status is an array as well, and its exit code says whether all is well', async () => {
    const { code, stdout } = await platform.cli(['status', '--json']);
    const [orders] = JSON.parse(stdout) as Row[];
    expect(orders).toMatchObject({ id: instance.id, name: 'orders', last_backup_id: backup.id });
    expect(code).toBe(orders?.protected === true ? 0 : 10);
  });

  test('--yaml says the same', async () => {
    const { parse } = await import('yaml');
    const json = JSON.parse(await printed('schedule-show', schedule.id, '--json')) as Row;
    expect(parse(await printed('schedule-show', schedule.id, '--yaml'))).toEqual(json);
  });
});

describe.runIf(existsSync('/usr/bin/script'))('on a terminal', () => {
  /** Runs the command below a pseudo-terminal of `script`, with an answer typed into it. */
  async function onTerminal(args: string[], typed = '', env: Record<string, string> = {}) {
    const line = [launcher, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      env: cliEnvironment({ ...platform.env, TERM: 'xterm', ...env }),
    });
    let shown = '';
    child.stdout.on('data', (piece: Buffer) => {
      shown += piece.toString();
      if (typed !== '' && shown.includes('[y/N]')) child.stdin.end(typed);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, shown: shown.replaceAll('\r\n', '\n') };
  }

  test('states are coloured and padded as without colours, but for NO_COLOR', async () => {
    const args = ['backup-list', '--instance', 'orders'];
    const coloured = await onTerminal(args);
    expect(coloured.shown).toContain('| \u001b[32mCOMPLETED\u001b[0m |');
    const plain = await onTerminal(args, '', { NO_COLOR: '1' });
    expect(plain.shown).not.toContain('\u001b');
    expect(plain.shown).toBe(await printed(...args));
  });

  test('backup-delete asks, and takes anything but yes for no', async () => {
    const { code, shown } = await onTerminal(['backup-delete', backup.id], 'no\n');
    expect(shown).toContain(`Delete backup ${backup.id}, first of orders? [y/N]`);
    expect(shown).toContain('backupctl: nothing was deleted\n');
    expect(code).toBe(4);
    expect(await platform.json<Row>(['backup-show', backup.id])).toMatchObject({ status: 'COMPLETED' });
  });

  test('Ctrl-C at the question deletes nothing and ends with 130', async () => {
    const { code } = await onTerminal(['backup-delete', backup.id], '\u0003');
    expect(code).toBe(130);
    expect(await platform.json<Row>(['backup-show', backup.id])).toMatchObject({ status: 'COMPLETED' });
  });
});

test('a day that daylight saving time disturbs is named on standard error, not in the JSON', async () => {
  const { code, stdout, stderr } = await platform.cli([
    ...[
      'schedule-create',
      'orders',
      '30 2 * * *',
      'paris',
      '--timezone',
      'Europe/Paris',
      '--json',
      '--paused',
    ],
  ]);
  expect(code).toBe(0);
  const created = JSON.parse(stdout) as Row;
  expect(created).toMatchObject({ timezone: 'Europe/Paris', paused: true });
  expect(created).not.toHaveProperty('notices');
  expect(stderr).toMatch(/^(backupctl: [^\n]*\d{4}-\d\d-\d\d[^\n]*\n)+$/);
  await platform.cli(['schedule-delete', created.id]);
});

test('Ctrl-C while a run is waited for leaves it going, says how to follow and cancel it, and ends with 130', async () => {
  const proxy = await startProxy({ host: '127.0.0.1', port: postgres.port });
  const url = postgres.url('shop').replace(`:${postgres.port}`, `:${proxy.port}`);
  const password = workspace.path('password');
  await platform.json<Row>(['instance-create', 'slow', '--url', url, '--password-file', password]);
  try {
    proxy.inject({ action: 'blackhole' });
    const waiting = platform.spawn(['backup-create', 'slow', 'interrupted', '--wait']);
    const running = async () =>
      (await platform.client.executionListByInstance('slow')).items.find(({ state }) => state === 'RUNNING');
    let execution: Awaited<ReturnType<typeof running>>;
    await until(
      async () => {
        execution = await running();
        return typeof execution?.backupId === 'string';
      },
      { what: 'the run', timeout: 60_000 },
    );
    // It has begun to wait once it knows the backup's id; a moment later it cannot be told apart from here.
    await until(async () => (await platform.client.backupList({ instance: 'slow' })).items.length > 0, {
      ...{ what: 'the backup in the list', timeout: 60_000 },
    });
    waiting.kill('SIGINT');
    const { code, signal, stdout, stderr } = await waiting.result;
    expect({ code, signal, stdout }).toEqual({ code: 130, signal: null, stdout: '' });
    expect(stderr).toContain(`backupctl execution-cancel ${execution?.id}`);
    expect(stderr).toContain(`backupctl execution-logs ${execution?.id} --follow`);
    expect((await running())?.id).toBe(execution?.id);
    expect(await printed('execution-cancel', execution?.id ?? '', '--wait')).toBe('');
    const ended = await platform.json<Row>(['execution-show', execution?.id ?? '']);
    expect(ended.state).toBe('CANCELLED');
  } finally {
    await proxy.stop();
  }
});

test('a run that fails is waited for with exit code 7, one line on standard error, and the backup in JSON', async () => {
  await postgres.psql("CREATE ROLE poor LOGIN PASSWORD 'poor'");
  const password = await workspace.file('poor', 'poor\n');
  const url = postgres.url('shop', 'poor');
  await platform.cli(['instance-create', 'poor', '--no-check', '--url', url, '--password-file', password]);
  const { code, stdout, stderr } = await platform.cli(['backup-create', 'poor', 'fails', '--wait', '--json']);
  expect(code).toBe(7);
  expect(stderr).toMatch(/^backupctl: Backup failed: [^\n]+\n$/);
  expect(JSON.parse(stdout)).toMatchObject({ name: 'fails', status: 'FAILED' });
});
