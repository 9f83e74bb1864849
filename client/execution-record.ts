import type { WorkflowExecutionInfo } from '@temporalio/client';
import {
  type ExecutionMemo,
  type ExecutionOutput,
  type ExecutionState,
  searchAttributes,
} from '../workflows/types.ts';
import type { Execution } from './types.ts';

const kinds: Record<string, Execution['kind']> = {
  backup_create: 'backup',
  restore_create: 'restore',
  restore_finish: 'restore',
  backup_delete: 'delete',
  backup_undelete: 'undelete',
  backup_heal: 'heal',
  backup_copy: 'copy',
  instance_change: 'instance',
  janitor: 'janitor',
  workbook_run: 'workbook',
};

/** The types of workflow that are executions, for queries. */
export const executionTypes: readonly string[] = Object.keys(kinds);

/** What a list and a description of a run have in common. */
export type Row = Omit<WorkflowExecutionInfo, 'raw'>;

/** What Temporal's list knows of an execution, in our words. */
export function toExecution(info: Row): Execution {
  const { state, output, facts } = endOf(info);
  return {
    id: attribute(info, searchAttributes.execution) ?? info.runId,
    kind: attribute(info, searchAttributes.kind) === 'workflow' ? 'workflow' : (kinds[info.type] ?? 'backup'),
    state,
    output,
    scheduleId: attribute(info, searchAttributes.schedule),
    instanceId: attribute(info, searchAttributes.instance),
    backupId: attribute(info, searchAttributes.backup),
    executionTime: beginningOf(info),
    endedAt: info.closeTime ?? null,
    workflowId: info.workflowId,
    facts,
  };
}

/** When it began: one that goes on in a new run has it from the first. */
function beginningOf(info: Row): Date {
  const { created_at: at } = (info.memo as Partial<ExecutionMemo> | undefined)?.facts ?? {};
  return kinds[info.type] === 'workbook' && typeof at === 'string' ? new Date(at) : info.startTime;
}

/** A Keyword of a row. */
export function attribute(info: Row, name: string): string | null {
  const value: unknown = info.typedSearchAttributes.get({ name, type: 'KEYWORD' });
  return typeof value === 'string' ? value : null;
}

/** Whether the run is over, by the row. */
export function isClosed(info: Pick<WorkflowExecutionInfo, 'status'>): boolean {
  return info.status.name !== 'RUNNING' && info.status.name !== 'PAUSED';
}

type End = { state: ExecutionState; output: ExecutionOutput | null; facts: ExecutionMemo['facts'] };

/**
 * A run puts its end into the memo as its last step. One without a memo did not end by itself: then Temporal's status
 * says what happened.
 */
function endOf(info: Row): End {
  const memo = info.memo as Partial<ExecutionMemo> | undefined;
  const facts = memo?.facts ?? {};
  // A workflow of a workbook is over before what it has started is: its memo knows.
  if (!isClosed(info) && kinds[info.type] === 'workbook' && memo?.state !== undefined) {
    return { state: memo.state, output: memo.output ?? null, facts };
  }
  if (!isClosed(info)) return { state: 'RUNNING', output: null, facts };
  if (memo?.state !== undefined) return { state: memo.state, output: memo.output ?? null, facts };
  switch (info.status.name) {
    case 'COMPLETED':
      return { state: 'SUCCESS', output: null, facts };
    case 'CANCELLED':
      return { state: 'CANCELLED', output: { status: 'Cancelled' }, facts };
    case 'TERMINATED':
      return failed('the run was terminated in Temporal, without a cleanup', facts);
    case 'TIMED_OUT':
      return failed('the run was ended by its time limit in Temporal', facts);
    default:
      return failed('the run failed before it could say why', facts);
  }
}

function failed(error: string, facts: ExecutionMemo['facts']): End {
  const hint =
    '`backupctl janitor-run` removes what it left, `backupctl execution-logs` tells how far it came';
  return { state: 'ERROR', output: { status: 'Failed', error, hint }, facts };
}
