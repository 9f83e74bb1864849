import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { messages, type WorkbookView, workbookRun } from '../workflows/workbooks/types.ts';
import { quoted } from './attributes.ts';
import type { TemporalLink } from './connection.ts';
import { isClosed, type Row, toExecution } from './execution-record.ts';
import { isNotFound } from './grpc-errors.ts';
import type { WorkflowExecution } from './workbook-types.ts';

/** The run of a row, as it is now. @throws BackupctlError unavailable where no worker tells */
export async function readRun(link: TemporalLink, row: WorkflowExecutionInfo): Promise<WorkflowExecution> {
  const view = await viewOf(link, row.workflowId);
  if (view !== null) return { ...fromView(view), scheduleId: toExecution(row).scheduleId };
  return runOfRow(await link.call(({ workflow }) => workflow.getHandle(row.workflowId).describe()));
}

/** What a run tells of itself; null where it has not begun, or never did. @throws BackupctlError unavailable */
export function viewOf(link: TemporalLink, workflowId: string): Promise<WorkbookView | null> {
  return ask<WorkbookView | null>(link, workflowId, messages.view);
}

/** Sub-workflows of a run, by what it tells and what Temporal knows: their execution ids. */
export async function childrenOf(link: TemporalLink, row: WorkflowExecutionInfo): Promise<string[]> {
  const view = await viewOf(link, row.workflowId).catch(() => null);
  const known = new Set(
    (view?.tasks ?? []).flatMap(({ executions }) =>
      executions.filter(({ kind }) => kind === 'workflow').map(({ id }) => id),
    ),
  );
  await link.call(async ({ workflow }) => {
    const query = `WorkflowType = ${quoted(workbookRun)} AND ParentWorkflowId = ${quoted(row.workflowId)}`;
    for await (const child of workflow.list({ query })) known.add(toExecution(child).id);
  });
  return [...known];
}

/** Asks a run something that its worker answers. @throws BackupctlError unavailable */
export async function ask<T>(link: TemporalLink, workflowId: string, query: string): Promise<T> {
  return link.call(async ({ workflow }) => {
    try {
      return await workflow.getHandle(workflowId).query<T>(query);
    } catch (error) {
      if (isNotFound(error)) {
        throw new BackupctlError('not-found', `the history of ${workflowId} is gone`, { cause: error });
      }
      const { name } = error instanceof Error ? error : { name: '' };
      if (name !== 'QueryNotRegisteredError' && name !== 'QueryRejectedError' && !isLate(error)) throw error;
      throw new BackupctlError('unavailable', 'no worker answers for the run', {
        hint: 'start the platform with `backupctl up`, or a worker with `backupctl worker`',
        cause: error,
      });
    }
  });
}

function isLate(error: unknown): boolean {
  // DEADLINE_EXCEEDED: nobody has taken the query up.
  return error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 4;
}

/** Of a run that has not begun, or never did: its list entry alone knows of it. */
export function runOfRow(row: Row): WorkflowExecution {
  const { id, state, output, executionTime, endedAt, scheduleId, facts } = toExecution(row);
  const { error } = output ?? {};
  return {
    id,
    kind: 'workbook',
    workflowName: String(facts.workflow_name ?? ''),
    description: facts.description === undefined ? null : String(facts.description),
    state: state === 'MISSED' ? 'SKIPPED' : state,
    stateInfo: typeof error === 'string' ? error : null,
    input: {},
    params: {},
    output: isClosed(row) && typeof error === 'string' ? { result: error } : {},
    rootExecutionId:
      facts.root_execution_id === undefined ? null : (facts.root_execution_id as string | null),
    parentExecutionId: null,
    taskExecutionId: (facts.task_execution_id as string | null | undefined) ?? null,
    scheduleId,
    createdAt: executionTime,
    updatedAt: endedAt ?? executionTime,
    tasks: [],
  };
}

function fromView(view: WorkbookView): Omit<WorkflowExecution, 'scheduleId'> {
  return {
    id: view.id,
    kind: 'workbook',
    workflowName: view.workflow_name,
    description: view.description === '' ? null : view.description,
    state: view.state,
    stateInfo: view.state_info,
    input: view.input,
    params: view.params,
    output: view.output,
    rootExecutionId: view.root_execution_id,
    parentExecutionId: view.parent_execution_id,
    taskExecutionId: view.task_execution_id,
    createdAt: new Date(view.created_at),
    updatedAt: new Date(view.updated_at),
    tasks: view.tasks.map((task) => ({
      id: task.id,
      name: task.name,
      type: task.type,
      state: task.state,
      stateInfo: task.state_info,
      result: task.result,
      published: task.published,
      createdAt: new Date(task.created_at),
      startedAt: task.started_at === null ? null : new Date(task.started_at),
      finishedAt: task.finished_at === null ? null : new Date(task.finished_at),
      executions: task.executions,
    })),
  };
}
