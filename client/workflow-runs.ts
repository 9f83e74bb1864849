import { randomUUID } from 'node:crypto';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';
import {
  messages,
  type WorkbookRunInput,
  type WorkbookView,
  workbookRun,
  workbookRunId,
} from '../workflows/workbooks/types.ts';
import { quoted } from './attributes.ts';
import { toExecution } from './execution-record.ts';
import { type Executions, runsBelow } from './executions.ts';
import { fromUpdateFailure } from './run-failure.ts';
import type { Surroundings } from './surroundings.ts';
import type { WaitOptions } from './types.ts';
import type {
  ActionUpdateOptions,
  RerunOptions,
  TaskDetails,
  WorkflowExecution,
  WorkflowRunOptions,
  WorkflowTask,
} from './workbook-types.ts';
import type { Workbooks } from './workbooks.ts';
import { readRun, runOfRow, viewOf } from './workflow-view.ts';

/** Bytes of input and parameters: they travel in one message. */
const mostBytes = 1024 * 1024;

/** Runs of workflows that workbooks define. */
export class WorkflowRuns {
  readonly #surroundings: Surroundings;
  readonly #workbooks: Workbooks;
  readonly #executions: Executions;

  constructor(surroundings: Surroundings, workbooks: Workbooks, executions: Executions) {
    this.#surroundings = surroundings;
    this.#workbooks = workbooks;
    this.#executions = executions;
  }

  /** See {@link BackupClient.workflowRun}. */
  async start(name: string, options: WorkflowRunOptions): Promise<WorkflowExecution> {
    const { input = {}, params = {}, description = '' } = options;
    const size = Buffer.byteLength(JSON.stringify({ input, params, description }));
    if (size > mostBytes) {
      throw new BackupctlError('usage', `the input has ${size} bytes, and may have ${mostBytes}`, {
        hint: 'put what is large where the workflow can fetch it',
      });
    }
    const { checkStart } = await import('./workflow-refusal.ts');
    const definitions = await this.#workbooks.definitions();
    const workflow = await this.#workbooks.found(name, definitions);
    checkStart(definitions, workflow, { input, params });
    const id = randomUUID();
    const run: WorkbookRunInput = { execution_id: id, workflow: workflow.name, input, params, description };
    const { startRun } = await import('./runs.ts');
    const row = await startRun(this.#surroundings, {
      type: workbookRun,
      workflowId: workbookRunId(id),
      args: [run],
      labels: { kind: 'workbook', instance: null, execution: id },
    });
    return {
      ...runOfRow(row),
      workflowName: workflow.name,
      input,
      params,
      description,
    };
  }

  /** See {@link BackupClient.workflowExecutionShow}. */
  async show(id: string): Promise<WorkflowExecution> {
    return readRun(await this.#surroundings.temporal(), await this.#find(id));
  }

  /** See {@link BackupClient.workflowExecutionWait}. */
  async wait(id: string, options: WaitOptions): Promise<WorkflowExecution> {
    const row = await this.#find(id);
    const { awaitPauseOrEnd } = await import('./workflow-waiting.ts');
    const link = await this.#surroundings.temporal();
    await awaitPauseOrEnd(link, row.workflowId, options);
    return readRun(link, row);
  }

  /** See {@link BackupClient.executionPause}. */
  async pause(id: string): Promise<void> {
    const row = await this.#find(id);
    await this.#tell(row.workflowId, id, messages.pause, []);
  }

  /** See {@link BackupClient.executionResume}. */
  async resume(id: string, env: Dictionary): Promise<void> {
    const row = await this.#find(id);
    await this.#tell(row.workflowId, id, messages.resume, [env]);
  }

  /** See {@link BackupClient.executionRerun}. */
  async rerun(id: string, options: RerunOptions): Promise<void> {
    const row = await this.#find(id);
    const { rerun } = await import('./workflow-rerun.ts');
    const view = await viewOf(await this.#surroundings.temporal(), row.workflowId);
    const task = taskOf(view === null ? [] : view.tasks, options.task, 'ERROR');
    if (view === null || task === undefined) throw noTask(options.task, id);
    await rerun({ surroundings: this.#surroundings, row, view, task, options });
  }

  /** See {@link BackupClient.taskList}. */
  async tasks(id: string): Promise<WorkflowTask[]> {
    return (await this.show(id)).tasks;
  }

  /** See {@link BackupClient.taskShow}. */
  async task(task: string, execution?: string): Promise<TaskDetails> {
    if (execution !== undefined) {
      const shown = await this.show(execution);
      const found = taskOf(shown.tasks, task);
      if (found === undefined) throw noTask(task, execution);
      return { ...found, executionId: shown.id, workflowName: shown.workflowName };
    }
    const found = await this.#search(`WorkflowType = ${quoted(workbookRun)}`, (view) =>
      view.tasks.some(({ id }) => id === task),
    );
    if (found === undefined) {
      throw new BackupctlError('not-found', `there is no task ${task}`, {
        hint: 'name the task by its id, or give --execution: `backupctl task-list EXECUTION` shows ids and names',
      });
    }
    return this.task(task, found.id);
  }

  /** See {@link BackupClient.actionExecutionUpdate}. */
  async updateAction(id: string, { state, output, execution }: ActionUpdateOptions): Promise<void> {
    const has = (view: WorkbookView) =>
      view.tasks.some(({ executions }) => executions.some((each) => each.id === id));
    const open = `WorkflowType = ${quoted(workbookRun)} AND ExecutionStatus = 'Running'`;
    const run =
      execution === undefined ? await this.#search(open, has) : { id: (await this.show(execution)).id };
    if (run === undefined) {
      throw new BackupctlError('not-found', `no run that is under way has an action execution ${id}`, {
        hint: '`backupctl task-show` shows the action executions of a task',
      });
    }
    const update = { action_execution_id: id, state, output: output ?? null };
    await this.#tell(workbookRunId(run.id), run.id, messages.update, [update]);
  }

  async #find(id: string): Promise<WorkflowExecutionInfo> {
    const row = await this.#executions.find(id);
    if (row.type === workbookRun) return row;
    // Of a schedule: the run that it has started.
    const [below] =
      toExecution(row).kind === 'workflow' ? await runsBelow(await this.#surroundings.temporal(), row) : [];
    if (below !== undefined) return below;
    throw new BackupctlError(
      'refused',
      `execution ${id} is none of a workflow, but a ${toExecution(row).kind}`,
      {
        hint: 'that can be done with runs of `backupctl workflow-run` only',
      },
    );
  }

  /** The first run, the newest ones first, of which something is so. */
  async #search(
    query: string,
    has: (view: WorkbookView) => boolean,
  ): Promise<{ readonly id: string } | undefined> {
    const link = await this.#surroundings.temporal();
    const rows = await link.call(async ({ workflow }) => {
      const found: WorkflowExecutionInfo[] = [];
      for await (const row of workflow.list({ query, pageSize: searched })) {
        if (row.status.name !== 'CONTINUED_AS_NEW') found.push(row);
        if (found.length === searched) break;
      }
      return found;
    });
    const { concurrently } = await import('./concurrently.ts');
    let result: WorkbookView | undefined;
    await concurrently(rows, 4, async (row) => {
      if (result !== undefined) return;
      const view = await viewOf(link, row.workflowId).catch(() => null);
      if (view !== null && has(view)) result = view;
    });
    return result;
  }

  /** @throws BackupctlError conflict where the run cannot do that now */
  async #tell(workflowId: string, id: string, update: string, args: unknown[]): Promise<void> {
    const link = await this.#surroundings.temporal();
    await link.call(async ({ workflow }) => {
      try {
        await workflow
          .getHandle(workflowId)
          .executeUpdate<void, [unknown]>(update, { args: args as [unknown] });
      } catch (error) {
        throw fromUpdateFailure(error, `execution ${id}`);
      }
    });
  }
}

/** Runs that are looked through for a task or an action. */
const searched = 1000;

/** A task by id or name; of several of that name the newest, or the newest in that state. */
function taskOf<T extends { id: string; name: string; state: string }>(
  tasks: readonly T[],
  task: string,
  state?: string,
): T | undefined {
  const named = tasks.filter(({ id, name }) => id === task || name === task);
  return named.findLast((each) => each.state === state) ?? named.at(-1);
}

function noTask(task: string, execution: string): BackupctlError {
  return new BackupctlError('not-found', `execution ${execution} has no task ${task}`, {
    hint: `\`backupctl task-list ${execution}\` shows those that it has`,
  });
}
