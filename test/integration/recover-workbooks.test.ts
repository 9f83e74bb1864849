import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, runCli, type Workspace } from '../servers/workspace.ts';
import { onTemporal } from './workbook-kit.ts';

/** A platform without a database: its workbooks, schedules of workflows and cron triggers, and the one that takes over. */
let lost: Platform;
let successor: Platform | undefined;
let workspace: Workspace;
const ids: Record<string, string> = {};

const text = `# the operator's own
version: '2.0'
name: own
workflows:
  echo:
    input: [word]
    output: {word: <% $.word %>}
    tasks:
      say: {action: std.noop}
`;

beforeAll(async () => {
  workspace = createWorkspace('recover-workbooks');
  lost = await startPlatform();
  await lost.json(['workbook-create', await workspace.file('own.yaml', text)]);
  await lost.cli(['workbook-delete', 'trove']);
  const hi = '{"word": "hi"}';
  const make = async (name: string, words: string[]) => {
    ids[name] = (await lost.json<{ id: string }>(words)).id;
  };
  const workflow = ['--workflow', 'own.echo', '--input', hi];
  await make('drill', ['schedule-create', '0 5 * * 0', 'drill', ...workflow, '--overlap', 'wait']);
  await make('gone', ['cron-trigger-create', 'gone', 'own.echo', hi, '--pattern', '0 0 1 1 *']);
  await make('few', [
    ...['cron-trigger-create', 'few', 'own.echo', hi, '--pattern', '0 0 1 1 *'],
    ...['--first-time', '2099-06-01 12:30', '--count', '7'],
  ]);
  await make('once', ['cron-trigger-create', 'once', 'own.echo', hi, '--first-time', '2099-12-24 18:00']);
  await lost.cli(['cron-trigger-delete', 'gone']);
  const repository = join(lost.dataDir, 'repository', 'schedules');
  const newest = async (name: string) => {
    const folder = join(repository, ids[name] ?? '');
    const last = (await readdir(folder).catch(() => [])).sort().at(-1);
    return last === undefined ? null : JSON.parse(await readFile(join(folder, last), 'utf8'));
  };
  await until(
    async () => {
      await onTemporal(lost, ({ schedule }) => schedule.getHandle('backupctl-reconciler').trigger());
      const copies = await Promise.all(['drill', 'few', 'once', 'gone'].map(newest));
      return copies.every((copy) => copy !== null) && copies[3].deleted === true;
    },
    { what: 'everything to be exported', timeout: 60_000, interval: 500 },
  );
  expect(await newest('few')).toMatchObject({
    pattern: '0 0 1 1 *',
    input: { instance: '', name: 'few', workflow: { name: 'own.echo', input: { word: 'hi' } } },
    policy: { cron_trigger: { first_execution_time: '2099-06-01T12:30:00.000Z', remaining: 7 } },
  });
  await lost.kill9('everything');
}, 150_000);

afterAll(async () => {
  await successor?.stop();
  await lost?.discard();
  await workspace?.remove();
});

test('recover brings workbooks, schedules of workflows and cron triggers back, as they were', async () => {
  const dataDir = workspace.path('successor');
  const { code, stdout, stderr } = await runCli([
    ...['recover', '--data-dir', dataDir, '--repository', join(lost.dataDir, 'repository')],
    ...['--identity', join(lost.dataDir, 'identity.txt'), '--activate', '--json'],
  ]);

  expect(code, stderr).toBe(0);
  const done = JSON.parse(stdout) as { workbooks: string[]; problems: string[]; schedules_done: object };
  expect(done).toMatchObject({ schedules_done: { created: 3 }, problems: [] });
  expect(done.workbooks).toEqual(['own']);

  successor = await startPlatform({ dataDir });
  const shown = await successor.cli(['workbook-show', 'own', '--definition']);
  expect(shown.stdout).toBe(text);
  const books = await successor.json<{ name: string }[]>(['workbook-list']);
  // What the operator had deleted is not brought back by `up` either.
  expect(books.map(({ name }) => name)).toEqual(['own']);

  expect(await successor.json(['schedule-list'])).toMatchObject([
    {
      id: ids.drill,
      name: 'drill',
      instance: null,
      overlap: 'wait',
      paused: false,
      workflow: { name: 'own.echo', input: { word: 'hi' } },
    },
  ]);
  const triggers = await successor.json<{ name: string }[]>(['cron-trigger-list']);
  expect(triggers.sort((a, b) => (a.name < b.name ? -1 : 1))).toMatchObject([
    {
      id: ids.few,
      name: 'few',
      pattern: '0 0 1 1 *',
      first_execution_time: '2099-06-01T12:30:00.000Z',
      next_execution_time: '2099-06-01T12:30:00.000Z',
      remaining_executions: 7,
    },
    { id: ids.once, name: 'once', pattern: null, remaining_executions: 1 },
  ]);
  const run = await successor.json<{ state: string; output: object }>([
    'schedule-trigger',
    'drill',
    '--wait',
  ]);
  expect(run).toMatchObject({ state: 'SUCCESS', output: { word: 'hi' } });
}, 120_000);
