import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { reopenTask, rerunTask } from '../workbooks/engine/lifecycle.ts';
import { Run } from '../workbooks/engine/run.ts';
import {
  messages,
  type RerunOrder,
  type ResumedRun,
  type WorkbookRunInput,
  type WorkbookView,
  workbookRun,
  workbookRunId,
} from '../workflows/workbooks/types.ts';
import type { TemporalLink } from './connection.ts';
import { isClosed } from './execution-record.ts';
import { isNotFound } from './grpc-errors.ts';
import { fromUpdateFailure } from './run-failure.ts';
import { startRun } from './runs.ts';
import type { Surroundings } from './surroundings.ts';
import type { RerunOptions } from './workbook-types.ts';
import { idleHost, refusing } from './workflow-refusal.ts';
import { ask, viewOf as askView } from './workflow-view.ts';

export interface Rerun {
  surroundings: Surroundings;
  row: WorkflowExecutionInfo;
  view: WorkbookView;
  task: WorkbookView['tasks'][number];
  options: RerunOptions;
}

/** A run that is taken up again: where it stood, and what to do there. */
interface TakenUp {
  id: string;
  /** Undefined of one that is not over: it is told. */
  snapshot: ResumedRun | undefined;
  /** The Temporal run that is over, to be removed once the new one has begun. */
  runId: string;
  order: RerunOrder;
}

/**
 * Runs a failed task once more, or passes it over, and all that follows from it. A run that is over goes on as a new
 * one of the same id; so do those above it, the outermost first, since each hears of the end of the one below.
 * @throws BackupctlError refused where the task or one of the runs is not in a state for that; conflict
 */
export async function rerun({ surroundings, row, view, task, options }: Rerun): Promise<void> {
  const link = await surroundings.temporal();
  if (task.state !== 'ERROR') {
    const verb = options.skip ? 'skipped' : 'run again';
    throw refused(`task ${task.name} is in ${task.state}: only one that is in ERROR can be ${verb}`);
  }
  if (view.state === 'PAUSED') {
    throw refused(
      `execution ${view.id} is paused`,
      `go on with \`backupctl execution-resume ${view.id}\` first`,
    );
  }
  const how = { reset: options.reset === true, skip: options.skip === true, env: options.env ?? {} };
  if (view.state === 'RUNNING') {
    await tell(link, row.workflowId, { task_id: task.id, ...how });
    return;
  }
  const chain: TakenUp[] = [await takenUp(link, view.id, { kind: 'rerun', task_id: task.id, ...how })];
  for (let below = view; below.parent_execution_id !== null; ) {
    const id = below.parent_execution_id;
    chain.push(await takenUp(link, id, { kind: 'reopen', execution_id: below.id }));
    below = await viewOf(link, id);
  }
  for (const each of chain) check(each);
  for (const each of chain.reverse()) await takeUp(surroundings, link, each);
}

async function viewOf(link: TemporalLink, id: string): Promise<WorkbookView> {
  const view = await askView(link, workbookRunId(id));
  if (view === null) throw refused(`execution ${id}, which it belongs to, has not begun`);
  return view;
}

/** One that is over may be open still: actions that it started run to their end. It is told, then. */
async function isOpen(link: TemporalLink, workflowId: string): Promise<boolean> {
  return !isClosed(await link.call(({ workflow }) => workflow.getHandle(workflowId).describe()));
}

async function takenUp(link: TemporalLink, id: string, order: RerunOrder): Promise<TakenUp> {
  const workflowId = workbookRunId(id);
  const open = await isOpen(link, workflowId);
  const { runId } = await link.call(({ workflow }) => workflow.getHandle(workflowId).describe());
  const snapshot = open ? undefined : await ask<ResumedRun | null>(link, workflowId, messages.snapshot);
  if (snapshot === null) throw refused(`execution ${id} never began: there is nothing to go on from`);
  return { id, snapshot, runId, order };
}

/** Finds out beforehand whether the run can go on so. @throws BackupctlError usage */
function check({ id, snapshot, order }: TakenUp): void {
  if (snapshot === undefined) return;
  refusing(`execution ${id} cannot go on`, () => {
    const run = new Run(structuredClone(snapshot.state), idleHost());
    if (order.kind === 'reopen') reopenTask(run, order.execution_id);
    else rerunTask(run, run.task(order.task_id), order);
  });
}

async function takeUp(surroundings: Surroundings, link: TemporalLink, taken: TakenUp): Promise<void> {
  const { id, snapshot, runId, order } = taken;
  const workflowId = workbookRunId(id);
  if (snapshot === undefined) {
    if (order.kind === 'rerun') {
      const { kind: _, ...how } = order;
      await tell(link, workflowId, how);
    } else await link.call(({ workflow }) => workflow.getHandle(workflowId).signal(messages.order, order));
    return;
  }
  const { state, loaded } = snapshot;
  const { parent_execution_id: parent } = await viewOf(link, id);
  const input: WorkbookRunInput = {
    execution_id: id,
    workflow: loaded.name,
    input: state.input,
    params: state.params,
    description: state.description,
    ...(parent !== null && {
      parent: {
        execution_id: parent,
        root_id: state.rootId ?? parent,
        root_env: state.rootEnv,
        task_id: state.parentTaskId ?? '',
        index: state.index,
        // Of the run itself: that of its parent is one less.
        depth: state.depth - 1,
        workbook: loaded.workbook,
        pins: loaded.pins,
      },
    }),
    resumed: { ...snapshot, order },
  };
  await startRun(surroundings, {
    type: workbookRun,
    workflowId,
    args: [input],
    labels: { kind: 'workbook', instance: null, execution: id },
  });
  await link.call(async ({ workflowService }) => {
    try {
      const workflowExecution = { workflowId, runId };
      await workflowService.deleteWorkflowExecution({ namespace: link.namespace, workflowExecution });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}

async function tell(link: TemporalLink, workflowId: string, order: object): Promise<void> {
  await link.call(async ({ workflow }) => {
    try {
      await workflow.getHandle(workflowId).executeUpdate(messages.rerun, { args: [order] });
    } catch (error) {
      throw fromUpdateFailure(error, 'the run');
    }
  });
}

function refused(message: string, hint?: string): BackupctlError {
  return new BackupctlError('refused', message, hint === undefined ? {} : { hint });
}
