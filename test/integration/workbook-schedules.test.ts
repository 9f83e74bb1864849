import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupJson, type ExecutionJson, openShop, type Shop } from './fixture.ts';
import { loadWorkbook } from './workbook-kit.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
  await loadWorkbook(
    shop.platform,
    'probe',
    `
version: '2.0'
name: probe
workflows:
  echo:
    input: [word, description: none]
    output: {word: <% $.word %>, at: <% execution().params.get(scheduled_at) %>}
    tasks:
      say: {action: std.noop}
  wait:
    tasks:
      forever: {action: std.async_noop}
  fail:
    output-on-error: {advice: <% 'look at the disk' %>}
    tasks:
      break: {action: std.fail}
`,
  );
}, 120_000);
afterAll(() => shop?.stop());

interface ScheduleJson {
  id: string;
  name: string;
  instance: string | null;
  instance_name: string | null;
  workflow: { name: string; input: object; params: object } | null;
  next_execution_time: string | null;
}

test("a schedule of the seed's workbook makes backups, waits for them, and says what the workbook says", async () => {
  const { platform, instanceId } = shop;
  const made = await platform.json<ScheduleJson>([
    ...['schedule-create', 'orders', '30 2 * * *', 'myback', '--workflow', 'trove.backup_create'],
  ]);
  const input = { instance: instanceId, description: null, parent_id: null, name: 'myback' };
  expect(made).toMatchObject({
    instance: instanceId,
    instance_name: 'orders',
    workflow: { name: 'trove.backup_create', input, params: {} },
  });
  expect(made.next_execution_time).toMatch(/T02:30:00/);
  const { stdout } = await platform.cli(['schedule-show', made.id]);
  expect(stdout).toContain(
    `{"instance": "${instanceId}", "description": null, "parent_id": null, "name": "myback"}`,
  );

  const run = await platform.json<ExecutionJson>(['schedule-trigger', 'myback', '--wait']);
  expect(run).toMatchObject({ state: 'SUCCESS', output: { status: 'Backup complete' } });
  const rows = await platform.cli(['execution-list', 'myback']);
  expect(rows.stdout).toContain('| SUCCESS | {"status": "Backup complete"} |');
  const backups = await platform.json<BackupJson[]>(['backup-list-instance', 'orders']);
  expect(backups.map(({ name, status }) => [name, status])).toEqual([['myback', 'COMPLETED']]);

  // The schedule of a workflow protects its instance, and its row is no second backup.
  const [status] = await platform.json<object[]>(['status']);
  expect(status).toMatchObject({ name: 'orders', protected: true, reason: null });
  const metrics = await (await fetch(`http://127.0.0.1:${platform.port}/metrics`)).text();
  expect(metrics).toMatch(/^backupctl_backups_total\{[^}]*instance="orders"[^}]*\} 1$/m);

  const renamed = await platform.json<ScheduleJson>(['schedule-update', made.id, '--name', 'other']);
  expect(renamed.workflow?.input).toEqual({ ...input, name: 'other' });
  await platform.cli(['schedule-delete', made.id]);
  expect(await platform.json<ScheduleJson[]>(['schedule-list', 'orders'])).toEqual([]);
});

test('a workflow that is of no instance is scheduled, and listed among the schedules of all', async () => {
  const { platform } = shop;
  const made = await platform.json<ScheduleJson>([
    ...['schedule-create', '0 5 * * 0', 'weekly', '--workflow', 'probe.echo', '--input', '{"word": "hi"}'],
  ]);
  expect(made).toMatchObject({ instance: null, instance_name: null });
  // A default of the workflow's own stands where nobody gave a description.
  expect(made.workflow?.input).toEqual({ word: 'hi' });
  const all = await platform.json<ScheduleJson[]>(['schedule-list']);
  expect(all.map(({ name }) => name)).toContain('weekly');
  expect(await platform.json<ScheduleJson[]>(['schedule-list', 'orders'])).toEqual([]);
  const run = await platform.json<ExecutionJson>(['schedule-trigger', 'weekly', '--wait']);
  expect(run).toMatchObject({
    state: 'SUCCESS',
    kind: 'workflow',
    instance_id: null,
    output: { status: 'Workflow complete', word: 'hi', at: null },
  });
});

test('past fires of a workflow run one after the other, each with its own instant', async () => {
  const { platform } = shop;
  const { id } = await platform.json<ScheduleJson>([
    ...['schedule-create', '0 5 1-3 1 *', 'daily', '--workflow', 'probe.echo', '--input', '{"word": "then"}'],
  ]);
  const begun = await platform.json([
    ...['schedule-backfill', 'daily', '--from', '2026-01-01 05:00', '--to', '2026-01-03T05:00Z'],
  ]);
  expect(begun).toEqual({
    schedule_id: id,
    runs: 3,
    first: '2026-01-01T05:00:00.000Z',
    last: '2026-01-03T05:00:00.000Z',
  });
  await expect
    .poll(
      async () => {
        const { items } = await platform.client.executionList(id);
        return items.map(({ state, output }) => [state, output?.at]);
      },
      { timeout: 60_000, interval: 300 },
    )
    .toEqual([1, 2, 3].map((day) => ['SUCCESS', `2026-01-0${day}T05:00:00Z`]));

  const none = await platform.cli([
    'schedule-backfill',
    'daily',
    '--from',
    '2026-01-01 06:00',
    '--to',
    '2026-01-02',
  ]);
  expect(none.code).not.toBe(0);
  expect(none.stderr).toContain('does not fire from 2026-01-01T06:00:00.000Z');
});

test('past backups cannot be made, and the command says what can', async () => {
  const { platform } = shop;
  await platform.json(['schedule-create', 'orders', '30 2 * * *', 'plain']);
  const refused = await platform.cli([
    'schedule-backfill',
    'plain',
    '--from',
    '2026-01-01',
    '--to',
    '2026-01-02',
  ]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('a backup takes its database as it is now');
  expect(refused.stderr).toContain('schedule-trigger');
});

test('an input that the workflow does not take is refused in one line, before there is a schedule', async () => {
  const { platform } = shop;
  const create = (...words: string[]) => platform.cli(['schedule-create', '0 5 * * 0', 'wrong', ...words]);
  const lines: [string[], string][] = [
    [['--workflow', 'probe.echo'], "missing=['word']"],
    [['--workflow', 'probe.echo', '--input', '{"word": 1, "more": 2}'], "unexpected=['more']"],
    [['--workflow', 'probe.nothing'], 'there is no workflow probe.nothing'],
    [['--workflow', 'probe.echo', '--input', '{"word"'], '--input is no JSON'],
    [['--workflow', 'probe.echo', '--input', '[1]'], '--input has to be an object of JSON'],
    [['--workflow', 'probe.wait', '--keep-last', '3'], '--keep-last is of backups'],
    [['--input', '{}'], 'the name is missing'],
  ];
  for (const [words, line] of lines) {
    const { code, stderr } = await create(...words);
    expect(code, words.join(' ')).not.toBe(0);
    expect(stderr).toContain(line);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter((text) => !text.startsWith('hint')).length,
      stderr,
    ).toBeLessThanOrEqual(2);
  }
  const all = await platform.json<ScheduleJson[]>(['schedule-list']);
  expect(all.map(({ name }) => name)).not.toContain('wrong');
});

test('a run that fails says why in its row, with what the workflow says of errors', async () => {
  const { platform } = shop;
  await platform.json(['schedule-create', '0 5 * * 0', 'failing', '--workflow', 'probe.fail']);
  const result = await platform.cli(['schedule-trigger', 'failing', '--wait', '--json']);
  expect(result.code).not.toBe(0);
  const [row] = await platform.json<ExecutionJson[]>(['execution-list', 'failing']);
  expect(row).toMatchObject({
    state: 'ERROR',
    output: { status: 'Workflow failed', advice: 'look at the disk' },
  });
  expect(row?.output?.error).toContain('break');
});

test('a run that meets another one of its schedule is skipped, and a cancel goes down to the workflow', async () => {
  const { platform } = shop;
  await platform.json(['schedule-create', '0 5 * * 0', 'waiting', '--workflow', 'probe.wait']);
  const first = await platform.json<ExecutionJson>(['schedule-trigger', 'waiting']);
  const second = await platform
    .json<ExecutionJson>(['schedule-trigger', 'waiting', '--wait'])
    .catch(async () => (await platform.json<ExecutionJson[]>(['execution-list', 'waiting'])).at(-1));
  expect(second).toMatchObject({ state: 'SKIPPED', output: { status: 'Workflow skipped' } });
  await platform.cli(['execution-cancel', first.id]);
  const cancelled = await platform.client.executionWait(first.id);
  expect(cancelled).toMatchObject({ state: 'CANCELLED', output: { status: 'Workflow cancelled' } });
  const { workflow_execution_id: run } = cancelled.facts;
  expect(
    await platform.client.executionShow(String(run)).then(
      ({ state }) => state,
      () => 'CANCELLED',
    ),
  ).toBe('CANCELLED');
});
