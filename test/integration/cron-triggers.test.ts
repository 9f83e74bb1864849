import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { until } from '../servers/wait.ts';
import { loadWorkbook, onTemporal } from './workbook-kit.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
  await loadWorkbook(
    platform,
    'probe',
    `
version: '2.0'
name: probe
workflows:
  echo:
    input: [word]
    output: {word: <% $.word %>}
    tasks:
      say: {action: std.noop}
`,
  );
}, 120_000);
afterAll(() => platform?.stop());

interface TriggerJson {
  id: string;
  name: string;
  workflow_name: string;
  workflow_input: object;
  workflow_params: object;
  pattern: string | null;
  first_execution_time: string | null;
  next_execution_time: string | null;
  remaining_executions: number | null;
}

const hi = '{"word": "hi"}';
const create = (name: string, ...words: string[]) =>
  platform.json<TriggerJson>(['cron-trigger-create', name, 'probe.echo', hi, ...words]);
const names = async () => (await platform.client.cronTriggerList()).map(({ name }) => name);

/** A minute in two days, as the command line takes it. */
function soon(): { text: string; date: Date } {
  const date = new Date(Math.ceil(Date.now() / 60_000) * 60_000 + 2 * 86_400_000);
  return { text: date.toISOString().slice(0, 16).replace('T', ' '), date };
}

/** Lets a trigger fire each second, whatever its pattern says. */
async function hurry(id: string): Promise<void> {
  await onTemporal(platform, ({ schedule }) =>
    schedule
      .getHandle(id)
      .update((description) => ({ ...description, spec: { intervals: [{ every: 1000 }] } })),
  );
}

test('a trigger has a first time, then fires by its pattern, and is no schedule', async () => {
  const { text, date } = soon();
  const made = await create(
    'both',
    '--pattern',
    '0 0 1 1 *',
    '--first-time',
    text,
    '--count',
    '5',
    '--params',
    '{"env": {"a": 1}}',
  );
  expect(made).toMatchObject({
    name: 'both',
    workflow_name: 'probe.echo',
    workflow_input: { word: 'hi' },
    workflow_params: { env: { a: 1 } },
    pattern: '0 0 1 1 *',
    first_execution_time: date.toISOString(),
    next_execution_time: date.toISOString(),
    remaining_executions: 5,
  });
  const times = await onTemporal(platform, async ({ schedule }) => {
    const { info } = await schedule.getHandle(made.id).describe();
    return info.nextActionTimes.slice(0, 3).map((time) => time.toISOString());
  });
  const year = date.getUTCFullYear();
  const newYear = (n: number) => new Date(Date.UTC(year + n, 0, 1)).toISOString();
  expect(times).toEqual([date.toISOString(), newYear(1), newYear(2)]);
  expect(await platform.json(['schedule-list'])).toEqual([]);
  expect((await platform.cli(['schedule-show', made.id])).stderr).toContain('there is no schedule');
  expect(await platform.json(['cron-trigger-show', 'both'])).toEqual(made);
  expect(await platform.json(['cron-trigger-show', made.id])).toEqual(made);
  expect(await platform.json(['cron-trigger-list'])).toEqual([made]);
  await platform.cli(['cron-trigger-delete', 'both']);
  expect(await names()).toEqual([]);
});

test('a first time alone is one execution, a pattern alone has no end', async () => {
  const { text, date } = soon();
  expect(await create('once', '--first-time', text)).toMatchObject({
    pattern: null,
    next_execution_time: date.toISOString(),
    remaining_executions: 1,
  });
  expect(await create('always', '--pattern', '30 2 * * *')).toMatchObject({
    first_execution_time: null,
    remaining_executions: null,
  });
  expect((await names()).sort()).toEqual(['always', 'once']);
  for (const name of ['once', 'always']) await platform.cli(['cron-trigger-delete', name]);
});

test('executions count down, run the workflow with its input, and the trigger goes away with the last one', async () => {
  const { id } = await create('twice', '--pattern', '0 0 1 1 *', '--count', '2');
  await hurry(id);
  await until(async () => !(await names()).includes('twice'), { what: 'the trigger to go away' });
  const ended = await until(
    async () => {
      const runs = (await platform.client.executionList(id)).items;
      return runs.length >= 2 && runs.every(({ state }) => state !== 'RUNNING') ? runs : null;
    },
    { what: 'both executions to end' },
  );
  expect(ended.map(({ state, output }) => [state, output])).toEqual([
    ['SUCCESS', { status: 'Workflow complete', word: 'hi' }],
    ['SUCCESS', { status: 'Workflow complete', word: 'hi' }],
  ]);
  const description = await onTemporal(platform, async ({ workflow }) => {
    const run = await workflow
      .getHandle(`workbook/${ended[0]?.facts.workflow_execution_id}`)
      .query('workbook_view');
    return (run as { description: string }).description;
  });
  expect(JSON.parse(description)).toEqual({
    description: `Workflow execution created by cron trigger '(${id})'.`,
    triggered_by: { type: 'cron_trigger', id },
  });
  // Temporal itself has none of that id any more, and the name is free.
  await until(
    () =>
      onTemporal(platform, ({ schedule }) =>
        schedule
          .getHandle(id)
          .describe()
          .then(
            () => false,
            () => true,
          ),
      ),
    { what: 'the schedule to be removed' },
  );
  expect(await create('twice', '--pattern', '0 0 1 1 *')).toMatchObject({ id, remaining_executions: null });
  await platform.cli(['cron-trigger-delete', 'twice']);
});

test('what Mistral refuses is refused in one line, and makes no trigger', async () => {
  await create('taken', '--pattern', '0 0 1 1 *');
  const past = new Date(Date.now() + 30_000).toISOString();
  const { text } = soon();
  const lines: [string[], string][] = [
    [['none', 'probe.echo', hi], 'a pattern or a first execution time has to be given'],
    [['late', 'probe.echo', hi, '--first-time', past], 'at least 1 minute in the future'],
    [['many', 'probe.echo', hi, '--first-time', text, '--count', '2'], 'a count above 1 needs a pattern'],
    [['odd', 'probe.echo', hi, '--pattern', '99 * * * *'], 'pattern'],
    [['odd', 'probe.echo', hi, '--first-time', '2026-02-31 10:00'], 'is no instant'],
    [['zero', 'probe.echo', hi, '--pattern', '0 0 1 1 *', '--count', '0'], '--count'],
    [['wrong', 'probe.echo', '{}', '--pattern', '0 0 1 1 *'], "missing=['word']"],
    [['wrong', 'probe.none', '{}', '--pattern', '0 0 1 1 *'], 'there is no workflow probe.none'],
    [['taken', 'probe.echo', hi, '--pattern', '0 0 2 1 *'], 'there is a cron trigger named taken'],
  ];
  for (const [words, line] of lines) {
    const { code, stderr } = await platform.cli(['cron-trigger-create', ...words]);
    expect(code, words.join(' ')).not.toBe(0);
    expect(stderr).toContain(line);
  }
  expect(await names()).toEqual(['taken']);
  expect((await platform.cli(['cron-trigger-show', 'nobody'])).stderr).toContain(
    'there is no cron trigger nobody',
  );
});
