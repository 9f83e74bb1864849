import type { Platform } from '../test/servers/platform.ts';
import { until } from '../test/servers/wait.ts';
import { WorkbookRuns } from '../test/workbooks/workbook-runs.ts';
import { messages } from '../workflows/workbooks/types.ts';

/** What the recorder of histories does for this one. */
interface Histories {
  workflow(name: string, workflowId: string): Promise<void>;
  run(name: string, workflowId: string, runId: string): Promise<void>;
  newest(name: string, type: string): Promise<void>;
}

const text = `version: '2.0'
name: replay
actions:
  shout: {base: std.echo, base-input: {output: '<% $.word %>!'}, input: [word]}
workflows:
  straight:
    input: [n]
    output: {got: <% $.got %>}
    tasks:
      a: {action: shout word='hey', publish: {word: <% task().result %>}, on-success: b}
      b: {action: std.js, input: {script: 'return $.n + 1', context: {n: <% $.n %>}}, publish: {got: <% task().result %>}}
  items: {tasks: {a: {with-items: i in <% range(6) %>, concurrency: 2, action: std.js, input: {script: return 1}}}}
  join:
    tasks:
      a: {action: std.js, input: {script: return 1}, on-success: c}
      b: {action: std.fail, retry: {count: 1, delay: 1}, on-error: c}
      c: {join: all, action: std.noop, wait-before: 1, on-success: fail}
  parent: {tasks: {a: {workflow: child, on-success: b}, b: {action: std.noop}}}
  child: {tasks: {a: {action: std.js, input: {script: return 2}}}}
  pause: {tasks: {a: {action: std.js, input: {script: return 1}, on-success: b}, b: {action: std.noop, pause-before: true}}}
  sleep: {tasks: {a: {action: std.sleep seconds=3600}, b: {workflow: nap}}}
  nap: {tasks: {a: {action: std.sleep seconds=3600}}}
  again: {tasks: {a: {action: std.fail, on-success: b}, b: {action: std.js, input: {script: return 1}}}}
  async: {tasks: {a: {action: std.async_noop, on-success: b}, b: {action: std.noop}}}
  cycle:
    vars: {n: 0}
    tasks:
      start: {action: std.noop, on-success: a}
      a: {action: std.js, input: {script: return 1}, publish: {n: <% $.n + 1 %>}, on-success: {next: [{a: <% $.n < 12 %>}]}}
`;

/** Runs workflows of a workbook in every way that one can go on. */
export async function recordWorkbooks(histories: Histories, platform: Platform): Promise<void> {
  const runs = new WorkbookRuns(platform);
  const record = async (name: string, id: string) => {
    await runs.closed(id);
    await histories.workflow(`workbook_run-${name}`, `workbook/${id}`);
  };
  const task = async (id: string, path: string, state: string) =>
    until(
      async () => {
        const found = (await runs.task(id, path))?.task;
        return found?.state === state ? found : null;
      },
      { what: `${path} to be ${state}` },
    );
  try {
    await runs.create('replay', text);
    await histories.newest('workbook_change-created', 'workbook_change');

    await record('straight', await runs.start('replay.straight', { n: 1 }));
    await record('refused', await runs.start('replay.straight', {}));
    await record('items', await runs.start('replay.items'));
    await record('join', await runs.start('replay.join'));

    const parent = await runs.start('replay.parent');
    await record('parent', parent);
    await record('child', (await task(parent, 'a', 'SUCCESS')).executions[0]?.id ?? '');

    const paused = await runs.start('replay.pause');
    await runs.wait(paused);
    await runs.tell(paused, messages.resume, {});
    await record('pause', paused);

    const cancelled = await runs.start('replay.sleep');
    await task(cancelled, 'b/a', 'RUNNING');
    await runs.cancel(cancelled);
    await record('cancelled', cancelled);

    const again = await runs.start('replay.again');
    await runs.closed(again);
    await platform.client.executionRerun(again, { task: 'a', skip: true });
    await record('rerun', again);

    const asynchronous = await runs.start('replay.async');
    const execution = (await task(asynchronous, 'a', 'RUNNING')).executions[0]?.id ?? '';
    const update = { action_execution_id: execution, state: 'SUCCESS', output: 1 };
    await runs.tell(asynchronous, messages.update, update);
    await record('async', asynchronous);

    const cycle = await runs.start('replay.cycle', {}, { history: { long: 30, full: 40 } });
    await runs.wait(cycle);
    await record('continued', cycle);
    const { client } = await runs.link();
    const query = `WorkflowId = 'workbook/${cycle}' AND ExecutionStatus = 'ContinuedAsNew'`;
    let first = '';
    for await (const { runId } of client.workflow.list({ query })) first = runId;
    await histories.run('workbook_run-full', `workbook/${cycle}`, first);

    await platform.cli(['action-run', 'std.js', '{"script": "return 1"}']);
    await histories.newest('action_run_once-success', 'action_run_once');
  } finally {
    await runs.close();
  }
}
