import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkflowExecution, WorkflowTask } from '../../client/workbook-types.ts';
import type { WorkbookView } from '../../workflows/workbooks/types.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, runCli } from '../servers/workspace.ts';

interface RunJson extends Pick<WorkbookView, 'id' | 'workflow_name' | 'state_info' | 'output'> {
  state: string;
  root_execution_id: string | null;
  tasks: TaskJson[];
}

interface TaskJson {
  id: string;
  name: string;
  state: string;
  result: unknown;
  published: object;
  executions: { id: string; kind: string; state: string }[];
}

const text = `---
version: '2.0'
name: trial
description: what people try
tags: [one, two]
actions:
  shout:
    input: [words, mark: '!']
    base: std.echo
    base-input: {output: <% $.words + $.mark %>}
    output: <% $.toUpper() %>
workflows:
  greet:
    description: says it
    input: [name, Greeting: hello]
    output: {saidIt: <% $.said %>}
    tasks:
      say:
        action: shout
        input: {words: <% $.Greeting %> <% $.name %>}
        publish: {said: <% task().result %>}
  cycle:
    input: [times]
    output: {rounds: <% $.round %>}
    vars: {round: 0}
    tasks:
      begin: {action: std.noop, on-success: [count]}
      count:
        action: std.noop
        publish: {round: <% $.round + 1 %>}
        on-success: [count: <% $.round < $.times %>]
  shaky:
    tasks:
      try: {action: std.fail, retry: {count: 2, delay: 0}, on-error: [stop]}
      stop: {action: std.noop, on-success: [fail msg='it shook']}
  ask:
    output: {by: <% env().get(by) %>, answer: <% $.get(answer) %>}
    tasks:
      before: {action: std.noop, on-success: [pause, question]}
      question: {action: std.async_noop, publish: {answer: <% task().result %>}}
  half:
    output-on-error: {advice: look}
    tasks:
      first: {action: std.echo output=1, publish: {first: <% task().result %>}, on-success: [second]}
      second: {action: std.fail, publish-on-skip: {second: skipped}, on-success: [third], on-skip: [third]}
      third: {action: std.noop}
  whole:
    output: {below: <% task(call).result %>}
    tasks:
      call: {workflow: half}
  goal:
    type: reverse
    tasks:
      ground: {action: std.noop}
      roof: {action: std.noop, requires: [ground]}
      garden: {action: std.noop}
  long:
    tasks:
      sleep: {action: std.sleep seconds=3600}
`;

const workspace = createWorkspace('workbooks');
let platform: Platform;
let file: string;

beforeAll(async () => {
  platform = await startPlatform();
  file = await workspace.file('trial.yaml', text);
  await platform.json(['workbook-create', file]);
}, 120_000);
afterAll(async () => {
  await platform?.discard();
  await workspace.remove();
});

const cli = (...words: string[]) => platform.cli(words);

/** Runs a workflow to its end, or a pause. */
async function run(...words: string[]): Promise<RunJson & { code: number | null; stderr: string }> {
  const { code, stdout, stderr } = await cli('workflow-run', ...words, '--wait', '--json');
  if (stdout === '') throw new Error(stderr);
  return { ...(JSON.parse(stdout) as RunJson), code, stderr };
}

const show = (id: string) => platform.client.workflowExecutionShow(id);
const states = ({ tasks }: Pick<RunJson | WorkflowExecution, 'tasks'>) =>
  tasks.map(({ name, state }) => `${name} ${state}`);

describe('workbooks', () => {
  test('are listed with what they define, and shown as they were written, to the byte', async () => {
    const books = await platform.json<{ name: string; tags: string[]; workflows: string[] }[]>([
      'workbook-list',
    ]);
    expect(books.map(({ name }) => name)).toEqual(['trial', 'trove']);
    expect(books[0]).toMatchObject({ tags: ['one', 'two'], actions: ['trial.shout'], revision: 1 });
    expect((await cli('workbook-list')).stdout).toMatch(/\| Name +\| Tags +\| Created at +\| Updated at +\|/);
    expect((await cli('workbook-show', 'trial', '--definition')).stdout).toBe(text);
    const workflows = await platform.json<{ name: string; input: string[] }[]>(['workflow-list']);
    expect(workflows.find(({ name }) => name === 'trial.greet')?.input).toEqual(['name', 'Greeting=hello']);
    expect(workflows.map(({ name }) => name)).toContain('trove.backup_create');
    const shown = await platform.json<object>(['workflow-show', 'trial.goal']);
    expect(shown).toMatchObject({ type: 'reverse', tasks: ['ground', 'roof', 'garden'] });
    const actions = await platform.json<{ name: string; is_system: boolean }[]>(['action-list']);
    expect(actions.filter(({ is_system: system }) => !system).map(({ name }) => name)).toEqual([
      'trial.shout',
    ]);
    expect(actions.map(({ name }) => name)).toContain('backupctl.workflow_run');
  });

  test('are created once, updated as often as one likes, and made by an update where there is none', async () => {
    const taken = await cli('workbook-create', file);
    expect(taken.code).toBe(5);
    expect(taken.stderr).toContain('trial exists');
    const path = await workspace.file(
      'brief.yaml',
      `version: '2.0'\nname: brief\nworkflows: {w: {output: {v: 1}, tasks: {a: {action: std.async_noop}}}}\n`,
    );
    const [first] = await platform.json<{ change: string }[]>(['workbook-create', path, '--update']);
    expect(first?.change).toBe('created');
    const change = async () =>
      (await platform.client.workbookCreate(await readFile(path, 'utf8'), { update: true }))[0]?.change;
    expect(await change()).toBe('unchanged');
    // A run that has begun keeps to what it began with.
    const begun = await platform.client.workflowRun('brief.w');
    await workspace.file('brief.yaml', (await readFile(path, 'utf8')).replace('v: 1', 'v: 2'));
    expect(await change()).toBe('updated');
    let action = '';
    await until(
      async () => {
        action = (await platform.client.taskList(begun.id))[0]?.executions[0]?.id ?? '';
        return action !== '';
      },
      { what: 'the task to run' },
    );
    await platform.client.actionExecutionUpdate(action, { state: 'SUCCESS', execution: begun.id });
    const ended = await platform.client.workflowExecutionWait(begun.id);
    expect(ended.output).toEqual({ v: 1 });
    expect((await cli('workbook-delete', 'brief')).code).toBe(0);
    await expect(platform.client.workbookDelete('brief')).rejects.toMatchObject({ code: 'not-found' });
    await expect(platform.client.workflowRun('brief.w')).rejects.toMatchObject({ code: 'not-found' });
  }, 60_000);

  test('are not needed for workflows and actions: files of those make things of their own', async () => {
    const actions = await workspace.file(
      'actions.yaml',
      `version: '2.0'\ntwice: {input: [x], base: std.echo, base-input: {output: <% $.x * 2 %>}}\n`,
    );
    const workflows = await workspace.file(
      'workflows.yaml',
      `version: '2.0'\n# two\nfree:\n  input: [x]\n  output: {y: <% task(a).result %>}\n  tasks:\n    a: {workflow: inner x=<% $.x %>}\ninner:\n  input: [x]\n  output: {z: <% task(a).result %>}\n  tasks:\n    a: {action: twice x=<% $.x %>}\n`,
    );
    expect((await cli('workbook-create', actions)).code).toBe(0);
    const made = await platform.json<{ kind: string; name: string }[]>(['workbook-create', workflows]);
    expect(made.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['workflow free', 'workflow inner']);
    const ended = await run('free', '{"x": 4}');
    expect(ended).toMatchObject({ code: 0, output: { y: { z: 8 } } });
    expect((await cli('workbook-create', workflows)).stderr).toContain('a workflow named free exists');
    expect((await cli('workflow-delete', 'free')).code).toBe(0);
    await platform.client.workflowDelete('inner');
    expect((await cli('action-delete', 'twice')).code).toBe(0);
    await expect(platform.client.workflowShow('free')).rejects.toMatchObject({ code: 'not-found' });
  }, 60_000);
});

describe('runs of workflows', () => {
  test('give one object with their output and tasks; keys of workbooks stay as they are', async () => {
    const ended = await run('trial.greet', '{"name": "Ada"}', '--description', 'a try');
    expect(ended).toMatchObject({
      code: 0,
      workflow_name: 'trial.greet',
      state: 'SUCCESS',
      state_info: null,
      output: { saidIt: 'HELLO ADA!' },
      description: 'a try',
      input: { name: 'Ada', Greeting: 'hello' },
      tasks: [{ name: 'say', state: 'SUCCESS', result: 'HELLO ADA!', published: { said: 'HELLO ADA!' } }],
    });
    expect(ended.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(ended.stderr).toBe('');
    // So much of the id that no other begins with it.
    const again = await platform.json<RunJson>(['execution-show', ended.id.slice(0, 13)]);
    expect(again.tasks).toEqual(ended.tasks);
    const listed = await platform.json<{ id: string; kind: string; state: string }[]>(['execution-list']);
    expect(listed.find(({ id }) => id === ended.id)).toMatchObject({ kind: 'workbook', state: 'SUCCESS' });
    const logs = (await cli('execution-logs', ended.id)).stdout;
    expect(logs).toMatch(/trial\.greet began[\s\S]*say SUCCESS[\s\S]*workflow SUCCESS/);
  }, 60_000);

  test('have a task twice that a cycle reached twice, and once that was tried again', async () => {
    expect(states(await run('trial.cycle', '{"times": 2}'))).toEqual([
      'begin SUCCESS',
      'count SUCCESS',
      'count SUCCESS',
    ]);
    const shaky = await run('trial.shaky');
    expect(states(shaky)).toEqual(['try ERROR', 'stop SUCCESS']);
    expect(shaky).toMatchObject({ code: 7, state: 'ERROR', state_info: 'it shook' });
    const task = await platform.json<TaskJson>(['task-show', 'try', '--execution', shaky.id]);
    expect(task.executions.map(({ state }) => state)).toEqual(['ERROR', 'ERROR', 'ERROR']);
    expect((await platform.json<TaskJson>(['task-show', task.id])).name).toBe('try');
  }, 60_000);

  test('that are paused end the waiting, and go on with an answer and another environment', async () => {
    const paused = await run('trial.ask');
    expect(paused).toMatchObject({ code: 0, state: 'PAUSED' });
    expect(paused.stderr).toContain(`execution-resume ${paused.id}`);
    expect(states(paused)).toEqual(['before SUCCESS']);
    const { items } = await platform.client.workflowExecutionList();
    expect(items.find(({ id }) => id === paused.id)?.state).toBe('PAUSED');
    expect((await cli('execution-resume', paused.id, '--env', '{"by": "Ada"}')).code).toBe(0);
    await expect(platform.client.executionResume(paused.id)).rejects.toMatchObject({ code: 'conflict' });
    let question: WorkflowTask | undefined;
    await until(
      async () => {
        question = (await show(paused.id)).tasks[1];
        return (question?.executions.length ?? 0) > 0;
      },
      { what: 'the question' },
    );
    expect((await cli('execution-pause', paused.id)).code).toBe(0);
    expect((await show(paused.id)).state).toBe('PAUSED');
    await platform.client.executionResume(paused.id);
    const id = question?.executions[0]?.id ?? '';
    const update = ['action-execution-update', id, '--state', 'SUCCESS', '--output', '{"goAhead": true}'];
    expect((await cli(...update)).code).toBe(0);
    expect((await platform.client.executionWait(paused.id)).state).toBe('SUCCESS');
    expect((await show(paused.id)).output).toEqual({ by: 'Ada', answer: { goAhead: true } });
    const again = await cli(...update);
    expect(again.code).toBe(3);
    expect(again.stderr).toContain('no run that is under way has an action execution');
  }, 90_000);

  test('that failed are run again from the task that failed, or pass it over, and keep their id', async () => {
    const failed = await run('trial.half');
    expect(failed).toMatchObject({ code: 7, state: 'ERROR', output: { advice: 'look' } });
    expect(failed.stderr).toContain('the workflow failed: Failure caused by error in tasks: second');
    const rerun = (...words: string[]) => cli('execution-rerun', failed.id, ...words);
    expect((await rerun('--task', 'first')).stderr).toContain('first is in SUCCESS');
    const again = await rerun('--task', 'second', '--wait', '--json');
    expect(again.code).toBe(7);
    expect(states(JSON.parse(again.stdout) as RunJson)).toEqual(['first SUCCESS', 'second ERROR']);
    const skipped = await rerun('--task', 'second', '--skip', '--wait', '--json');
    expect(skipped.code).toBe(0);
    const ended = JSON.parse(skipped.stdout) as RunJson;
    expect(ended.id).toBe(failed.id);
    expect(states(ended)).toEqual(['first SUCCESS', 'second SKIPPED', 'third SUCCESS']);
    expect(ended.output).toEqual({ first: 1, second: 'skipped' });
    await expect(platform.client.executionRerun(failed.id, { task: 'second' })).rejects.toMatchObject({
      code: 'refused',
    });
    await until(
      async () => {
        const { items } = await platform.client.workflowExecutionList();
        return items.filter(({ id }) => id === failed.id).length === 1;
      },
      { what: 'the list to have one row of it' },
    );
  }, 120_000);

  test('take those above them along when one of their tasks is run again; deleted, those below go too', async () => {
    const failed = await run('trial.whole');
    const child = failed.tasks[0]?.executions[0]?.id ?? '';
    expect((await show(child)).rootExecutionId).toBe(failed.id);
    const skipped = await cli('execution-rerun', child, '--task', 'second', '--skip', '--wait');
    expect(skipped.code, skipped.stderr).toBe(0);
    expect((await platform.client.executionWait(failed.id)).state).toBe('SUCCESS');
    const ended = await show(failed.id);
    expect(states(ended)).toEqual(['call SUCCESS']);
    expect(ended.output).toEqual({ below: { first: 1, second: 'skipped' } });
    expect((await cli('execution-delete', failed.id)).code).toBe(0);
    for (const id of [failed.id, child]) {
      await expect(show(id)).rejects.toMatchObject({ code: 'not-found' });
    }
  }, 120_000);

  test('of a reverse workflow go to their target; cancelled, they end the waiting with a code of its own', async () => {
    expect(states(await run('trial.goal', '--params', '{"task_name": "roof"}'))).toEqual([
      'ground SUCCESS',
      'roof SUCCESS',
    ]);
    const waiting = platform.spawn(['workflow-run', 'trial.long', '--wait', '--json']);
    let id = '';
    await until(
      async () => {
        const { items } = await platform.client.workflowExecutionList();
        id = items.find(({ facts }) => facts.workflow_name === 'trial.long')?.id ?? '';
        return id !== '';
      },
      { what: 'the long run to begin' },
    );
    await expect(platform.client.executionDelete(id)).rejects.toMatchObject({ code: 'refused' });
    expect((await cli('execution-cancel', id)).code).toBe(0);
    const { code, stdout } = await waiting.result;
    expect(code).toBe(8);
    expect(JSON.parse(stdout)).toMatchObject({ id, state: 'CANCELLED' });
  }, 90_000);

  test.each([
    ['without a needed input', ['trial.greet'], 2, "missing=['name']"],
    ['with an unknown input', ['trial.greet', '{"name": 1, "nmae": 2}'], 2, "unexpected=['nmae']"],
    ['without a target', ['trial.goal'], 2, 'task_name'],
    ['with a target that is none', ['trial.goal', '--params', '{"task_name": "cellar"}'], 2, "'cellar'"],
    ['of a workflow that is none', ['trial.nothing'], 3, 'there is no workflow trial.nothing'],
    ['with an input that is no JSON', ['trial.greet', '{name: s3cr3t}'], 2, 'the input is no JSON'],
    ['with a list as input', ['trial.greet', '[]'], 2, 'an object of JSON, and is a list'],
    ['with parameters that are no object', ['trial.greet', '{"name": 1}', '--params', '3'], 2, '--params'],
    ['with an environment that is none', ['trial.greet', '{"name": 1}', '--params', '{"env": 3}'], 2, 'env'],
    ['with a deep input', ['trial.greet', `{"name": ${'['.repeat(5000)}`], 2, 'nested more than 100 deep'],
  ])('are refused in one line and not started %s', async (_what, words, code, says) => {
    const before = (await platform.client.workflowExecutionList()).items.length;
    const refused = await cli('workflow-run', ...words, '--wait', '--json');
    expect(refused.code, refused.stderr).toBe(code);
    expect(refused.stdout).toBe('');
    expect(refused.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(refused.stderr).toContain(says);
    expect(refused.stderr).not.toContain('s3cr3t');
    expect((await platform.client.workflowExecutionList()).items).toHaveLength(before);
  });
});

test('actions run outside of any workflow, those of workbooks too', async () => {
  const result = async (...words: string[]) =>
    JSON.parse((await cli('action-run', ...words)).stdout) as object;
  expect(await result('std.echo', '{"output": {"camelCase": [1]}}')).toEqual({ result: { camelCase: [1] } });
  expect(await result('trial.shout', '{"words": "hey"}')).toEqual({ result: 'HEY!' });
  expect(await platform.client.actionRun('std.js', { script: 'return 6 * 7' })).toBe(42);
  expect(await platform.client.actionRun('backupctl.workbook_show', { name: 'trial' })).toMatchObject({
    name: 'trial',
    definition: text,
  });
  const failed = await run('trial.half');
  await platform.client.actionRun('backupctl.execution_rerun', { id: failed.id, task: 'second', skip: true });
  await platform.client.actionRun('backupctl.workflow_execution_wait', { id: failed.id });
  expect((await show(failed.id)).state).toBe('SUCCESS');
  expect((await cli('action-run', 'std.fail')).code).toBe(7);
  await expect(platform.client.actionRun('std.async_noop')).rejects.toMatchObject({ code: 'refused' });
}, 60_000);

test('a workflow is drawn in Mermaid and in DOT', async () => {
  expect((await cli('workflow-graph', 'trial.half')).stdout).toContain('t1["first<br/>std.echo"]');
  expect((await cli('workflow-graph', 'trial.half', '--format', 'dot')).stdout).toMatch(
    /^digraph "trial\.half"/,
  );
});

test('an expression is evaluated without any platform', async () => {
  const evaluated = async (...words: string[]) => {
    const { stdout } = await runCli(['expression-evaluate', ...words]);
    return JSON.parse(stdout) as unknown;
  };
  expect(await evaluated('<% $.sizes.sum() %>', '{"sizes": [1, 2, 3]}')).toBe(6);
  expect(await evaluated('$.select($ + 1)', '[1, 2]')).toEqual([2, 3]);
  expect(await evaluated('{{ _.name | upper }}!', '{"name": "a"}')).toBe('A!');
  expect(await evaluated('{{ _ }}', '{"camelCase": null}')).toEqual({ camelCase: null });
  const wrong = await runCli(['expression-evaluate', '<% $. %>']);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr.trimEnd().split('\n')).toHaveLength(1);
}, 60_000);

test('a repository brings its workbooks back, and they run', async () => {
  const identity = await readFile(`${platform.dataDir}/identity.txt`).catch(() => null);
  const path = await workspace.file('identity.txt', identity ?? '');
  const repository = `${platform.dataDir}/repository`;
  await platform.shutDown();
  const dataDir = workspace.path('recovered');
  const recovered = await runCli([
    ...['recover', '--data-dir', dataDir, '--repository', repository, '--identity', path],
  ]);
  expect(recovered.code, recovered.stderr).toBe(0);
  const successor = await startPlatform({ dataDir });
  try {
    const ended = await successor.json<RunJson>([
      'workflow-run',
      'trial.greet',
      '{"name": "again"}',
      '--wait',
    ]);
    expect(ended.output).toEqual({ saidIt: 'HELLO AGAIN!' });
  } finally {
    await successor.discard();
  }
}, 180_000);
