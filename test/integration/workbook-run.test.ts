import { afterAll, beforeAll, describe, type ExpectStatic, test } from 'vitest';
import { messages } from '../../workflows/workbooks/types.ts';
import { type HttpReceiver, startHttpReceiver } from '../servers/http-receiver.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { until } from '../servers/wait.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';
import { innermost } from '../workbooks/on-platform.ts';
import { WorkbookRuns } from '../workbooks/workbook-runs.ts';

let work: Workspace;
let platform: Platform;
let runs: WorkbookRuns;
let receiver: HttpReceiver;

/** What is to be run, by name. `ask` waits for an answer that never comes, `quick` is answered at once. */
const workbook = () => `version: '2.0'
name: life
actions:
  ask: {base: std.http, base-input: {url: '${receiver.origin}/hang'}}
  quick: {base: std.http, base-input: {url: '${receiver.origin}/'}}
workflows:
  steps:
    output: {seen: '<% env().get(word, none) %>'}
    tasks:
      a: {action: std.sleep seconds=1, on-success: b}
      b: {action: quick, on-success: c}
      c: {action: std.echo, input: {output: '<% env().get(word, none) %>'}}
  before:
    tasks:
      a: {action: std.noop, on-success: b}
      b: {action: quick, pause-before: true, publish: {x: 1}}
  asking: {tasks: {a: {action: ask}}}
  sleeping: {tasks: {a: {action: std.sleep seconds=3600}}}
  waiting: {tasks: {a: {action: std.noop, wait-before: 3600}}}
  retrying: {tasks: {a: {action: std.fail, retry: {count: 5, delay: 3600}}}}
  above: {tasks: {a: {workflow: over}}}
  over: {tasks: {a: {workflow: asking}}}
  wide: {tasks: {a: {with-items: i in <% range(230) %>, action: std.js, input: {script: 'while (true) {}'}}}}
  many: {tasks: {a: {with-items: i in <% range(110) %>, workflow: sleeping}}}
  kid: {tasks: {a: {action: std.sleep seconds=1, on-success: b}, b: {action: std.noop}}}
  parent: {tasks: {a: {workflow: kid, on-success: b}, b: {action: std.noop}}}
  stopped:
    tasks:
      a: {action: quick, on-success: fail msg='enough'}
      b: {action: std.sleep seconds=2}
      c: {workflow: kid}
  async:
    output: {got: <% task(a).result %>}
    tasks: {a: {action: std.async_noop, on-success: b}, b: {action: std.noop}}
  limited: {tasks: {a: {action: ask, timeout: 1}}}
  elsewhere: {tasks: {a: {action: quick, target: nobody}}}
  fails:
    input: [x: 0]
    tasks:
      a: {action: std.noop, on-success: b}
      b: {action: std.js, input: {script: 'if (!$.w) throw "no word"; return $.w', context: {w: <% env().get(w) %>}}, on-success: c}
      c: {action: std.noop}
  outer: {tasks: {a: {workflow: middle, on-success: b}, b: {action: std.noop}}}
  middle: {tasks: {a: {workflow: fails, on-success: b}, b: {action: std.noop}}}
  polling:
    tasks:
      start: {action: std.noop, on-success: a}
      a: {action: quick, on-success: {next: [{pause_here: '<% not env().get(go, false) %>'}]}}
      pause_here: {action: std.noop, wait-before: 1, on-success: a}
  cycle:
    vars: {n: 0}
    output: {n: <% $.n %>}
    tasks:
      start: {action: std.noop, on-success: [a, late, kid, asynchronous]}
      a: {action: quick, publish: {n: <% $.n + 1 %>}, on-success: {next: [{a: <% $.n < 30 %>}, {done: <% $.n >= 30 %>}]}}
      done: {action: std.noop}
      late: {action: std.noop, wait-before: 4}
      kid: {workflow: kid}
      asynchronous: {action: std.async_noop}
  items:
    output: {sum: <% task(a).result.sum() %>}
    tasks:
      a: {with-items: i in <% range(150) %>, action: std.echo output=<% $.i %>, concurrency: 7}
  calls:
    output: {n: <% task(a).result.len() %>}
    tasks:
      a: {with-items: i in <% range(250) %>, action: quick}
  kids:
    output: {n: <% task(a).result.len() %>}
    tasks:
      a: {with-items: i in <% range(12) %>, workflow: one}
  one: {tasks: {a: {action: std.noop}}}
`;

beforeAll(async () => {
  receiver = await startHttpReceiver();
  work = createWorkspace('workbook-run');
  await work.file(
    'backupctl.yaml',
    `workbooks: { http: { allow: ['127.0.0.1'] }, javascript: { limit: 10m } }\n`,
  );
  platform = await startPlatform({ dataDir: work.directory });
  runs = new WorkbookRuns(platform);
  await runs.create('life', workbook());
}, 120_000);
afterAll(async () => {
  await runs?.close();
  await platform?.stop();
  await receiver?.stop();
  await work?.remove();
});

/** A history that is long after some steps, so that a run goes on in a new one soon. */
const short = { history: { long: 40, full: 100 } };

async function taskState(id: string, path: string): Promise<string | undefined> {
  return (await runs.task(id, path))?.task.state;
}

function reaches(id: string, path: string, state: string): Promise<unknown> {
  return until(async () => (await taskState(id, path)) === state, {
    what: `${path} to be ${state}`,
    timeout: 90_000,
    interval: 150,
  });
}

async function refusal(what: Promise<unknown>): Promise<string> {
  return what.then(() => 'it was not refused', innermost);
}

async function outputOf(id: string) {
  return (await runs.view(id))?.output;
}

/** Runs that Temporal had, one after the other, under the id of a run. */
async function histories(id: string): Promise<number> {
  const { client } = await runs.link();
  let found = 0;
  for await (const _ of client.workflow.list({ query: `WorkflowId = 'workbook/${id}'` })) found += 1;
  return found;
}

describe.concurrent('a pause', () => {
  test('holds what follows, and a resumption with an environment goes on with it', async ({ expect }) => {
    const id = await runs.start('life.steps');
    await reaches(id, 'a', 'RUNNING');
    await runs.tell(id, messages.pause);
    expect(await runs.wait(id)).toBe('PAUSED');
    await reaches(id, 'a', 'SUCCESS');
    expect(await taskState(id, 'b')).toBeUndefined();
    await runs.tell(id, messages.resume, { word: 'spoken' });
    expect(await runs.wait(id)).toBe('SUCCESS');
    expect(await outputOf(id)).toEqual({ seen: 'spoken' });
    expect(await refusal(runs.tell(id, messages.pause))).toMatch(/already completed|over already|not found/);
  });

  test('before a task comes by itself', async ({ expect }) => {
    const id = await runs.start('life.before');
    expect(await runs.wait(id)).toBe('PAUSED');
    expect(await taskState(id, 'b')).toBe('IDLE');
    await runs.tell(id, messages.resume, {});
    expect(await runs.wait(id)).toBe('SUCCESS');
  });

  test('of a sub-workflow pauses its parent, which goes on with it', async ({ expect }) => {
    const id = await runs.start('life.parent');
    await reaches(id, 'a/a', 'RUNNING');
    const child = (await runs.task(id, 'a'))?.task.executions[0]?.id ?? '';
    await runs.tell(child, messages.pause);
    expect(await runs.wait(id)).toBe('PAUSED');
    await runs.tell(child, messages.resume, {});
    await until(async () => (await runs.view(id))?.state !== 'PAUSED', { what: 'the parent to go on' });
    expect(await runs.wait(id)).toBe('SUCCESS');
  });
});

describe.concurrent('a cancel', () => {
  test.each([
    ['life.asking', 'a', 'in an action'],
    ['life.sleeping', 'a', 'in a sleep'],
    ['life.above', 'a/a/a', 'in a sub-workflow of a sub-workflow'],
    ['life.elsewhere', 'a', 'while no worker takes the action'],
  ])('%s (%s) ends it %s, and leaves nothing open', async (workflow, path) => {
    await cancelled(workflow, path, 'RUNNING');
  });

  test.each([
    ['life.waiting', 'a', 'DELAYED', 'before a task begins'],
    ['life.retrying', 'a', 'DELAYED', 'between two attempts'],
    ['life.before', 'b', 'IDLE', 'while it is paused'],
  ])('%s (%s is %s) ends it %s', async (workflow, path, state) => {
    await cancelled(workflow, path, state);
  });

  test('ends a run that has more actions than may run at once', async () => {
    await cancelled('life.wide', 'a', 'RUNNING');
  });

  test('ends all sub-workflows, those that have not started as well', async ({ expect }) => {
    const id = await runs.start('life.many');
    await reaches(id, 'a', 'RUNNING');
    await runs.cancel(id);
    expect(await runs.closed(id)).toBe('CANCELLED');
    const children = (await runs.task(id, 'a'))?.task.executions ?? [];
    expect(children.length).toBe(110);
    const mine = new Set(children.map((each) => `workbook/${each.id}`));
    const left = async () => (await runs.open()).filter((each) => mine.has(each));
    await until(async () => (await left()).length === 0, {
      what: 'the sub-workflows to end',
      timeout: 90_000,
    });
  });

  test('at the first moment ends it, whatever it does', async ({ expect }) => {
    const ids = await Promise.all([1, 2, 3].map(() => runs.start('life.above')));
    await Promise.all(ids.map((id) => runs.cancel(id)));
    for (const id of ids) {
      expect(await runs.closed(id)).toBe('CANCELLED');
      for (let path = 'a'; path.length < 6; path += '/a') {
        const child = (await runs.task(id, path))?.task.executions[0];
        if (child?.kind === 'workflow') {
          const status = await runs.closed(child.id).catch(() => 'never begun');
          expect(['CANCELLED', 'never begun']).toContain(status);
        }
      }
    }
  });

  async function cancelled(workflow: string, path: string, state: string): Promise<void> {
    const id = await runs.start(workflow);
    await reaches(id, path, state);
    await runs.cancel(id);
    const status = await runs.closed(id);
    const view = await runs.view(id);
    if (status !== 'CANCELLED' || view?.state !== 'CANCELLED')
      throw new Error(`it ended ${status}, ${view?.state}`);
    await runs.wait(id);
    const children = view.tasks
      .flatMap(({ executions }) => executions)
      .filter(({ kind }) => kind === 'workflow');
    for (const child of children) await runs.closed(child.id);
  }
});

describe.concurrent('a run', () => {
  test('that ends by a command lets what was started run to its end', async ({ expect }) => {
    const id = await runs.start('life.stopped');
    expect(await runs.wait(id)).toBe('ERROR');
    const { memo } = await runs.describe(id);
    expect(memo?.state).toBe('ERROR');
    expect(await runs.closed(id)).toBe('FAILED');
    expect(await taskState(id, 'b')).toBe('SUCCESS');
    expect(await taskState(id, 'c/b')).toBe('SUCCESS');
  });

  test('fails where its task takes too long, and ends the request', async ({ expect }) => {
    const id = await runs.start('life.limited');
    expect(await runs.wait(id)).toBe('ERROR');
    expect((await runs.view(id))?.state_info).toContain('Task timed out [timeout(s)=1]');
    expect(await runs.closed(id)).toBe('FAILED');
  });

  test('waits for the update of an asynchronous action', async ({ expect }) => {
    const id = await runs.start('life.async');
    await reaches(id, 'a', 'RUNNING');
    const waiting = runs.wait(id);
    const execution = (await runs.task(id, 'a'))?.task.executions[0]?.id ?? '';
    const update = { action_execution_id: execution, state: 'SUCCESS', output: { n: [1] } };
    await runs.tell(id, messages.update, update);
    expect(await waiting).toBe('SUCCESS');
    expect(await outputOf(id)).toEqual({ got: { n: [1] } });
  });

  test('that is refused answers those who wait, and is closed', async ({ expect }) => {
    const id = await runs.start('life.nothing');
    expect(await runs.wait(id)).toMatch(/ERROR|FAILED/);
    expect(await runs.closed(id)).toBe('FAILED');
  });
});

describe.concurrent('a rerun', () => {
  test('of a run that is over goes on where it was, with another environment', async ({ expect }) => {
    const id = await failed(expect, 'life.fails');
    await platform.client.executionRerun(id, { task: 'b', reset: true, env: { w: 'yes' } });
    expect(await runs.wait(id)).toBe('SUCCESS');
    expect((await runs.view(id))?.tasks.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  test('that skips passes the task over', async ({ expect }) => {
    const id = await failed(expect, 'life.fails');
    await platform.client.executionRerun(id, { task: 'b', skip: true });
    expect(await runs.wait(id)).toBe('SUCCESS');
    expect(await taskState(id, 'b')).toBe('SKIPPED');
  });

  test('that fails again fails the run again', async ({ expect }) => {
    const id = await failed(expect, 'life.fails');
    await platform.client.executionRerun(id, { task: 'b', reset: true });
    expect(await runs.wait(id)).toBe('ERROR');
    expect((await runs.task(id, 'b'))?.task.executions.length).toBe(2);
  });

  test('in a sub-workflow takes up all that are above it', async ({ expect }) => {
    const id = await failed(expect, 'life.outer');
    const inner = (await runs.task(id, 'a/a/b'))?.run.id ?? '';
    await runs.closed(id);
    await platform.client.executionRerun(inner, { task: 'b', skip: true });
    expect(await runs.wait(id)).toBe('SUCCESS');
    expect(await taskState(id, 'a/b')).toBe('SUCCESS');
    expect(await taskState(id, 'b')).toBe('SUCCESS');
  });

  async function failed(expect: ExpectStatic, workflow: string): Promise<string> {
    const id = await runs.start(workflow);
    expect(await runs.wait(id)).toBe('ERROR');
    return id;
  }
});

describe.concurrent('a run whose history is full goes on in a new one', () => {
  test('with timers, sub-workflows and asynchronous actions, and those who wait for it', async ({
    expect,
  }) => {
    const id = await runs.start('life.cycle', {}, short);
    const waiting = runs.wait(id);
    await reaches(id, 'done', 'SUCCESS');
    const execution = (await runs.task(id, 'asynchronous'))?.task.executions[0]?.id ?? '';
    const update = { action_execution_id: execution, state: 'SUCCESS', output: null };
    await runs.tell(id, messages.update, update);
    expect(await waiting).toBe('SUCCESS');
    const view = await runs.view(id);
    expect(view?.output).toEqual({ n: 30 });
    expect(view?.tasks.length).toBe(1 + 30 + 4);
    expect(await histories(id)).toBeGreaterThan(1);
  });

  test('with hundreds of actions of which some have not started', async ({ expect }) => {
    const id = await runs.start('life.calls', {}, short);
    expect(await runs.wait(id)).toBe('SUCCESS');
    expect(await outputOf(id)).toEqual({ n: 250 });
    expect(await histories(id)).toBeGreaterThan(1);
  });

  test('with sub-workflows of which some have not started', async ({ expect }) => {
    const id = await runs.start('life.kids', {}, { history: { long: 20, full: 30 } });
    expect(await runs.wait(id)).toBe('SUCCESS');
    expect(await outputOf(id)).toEqual({ n: 12 });
    expect(await histories(id)).toBeGreaterThan(1);
  });

  test('while it is paused and resumed', async ({ expect }) => {
    const id = await runs.start('life.polling', {}, { history: { long: 20, full: 40 } });
    await until(async () => (await histories(id)) > 1, {
      what: 'a new history',
      timeout: 60_000,
      interval: 300,
    });
    await runs.tell(id, messages.pause);
    expect(await runs.wait(id)).toBe('PAUSED');
    await runs.tell(id, messages.resume, { go: true });
    expect(await runs.wait(id)).toBe('SUCCESS');
  });
});
