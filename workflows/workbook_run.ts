import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  upsertMemo,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { searchAttributes } from './types.ts';
import { Driver } from './workbooks/driver.ts';
import type { WorkbookEnd, WorkbookRunInput } from './workbooks/types.ts';

/**
 * Interprets a workflow of a workbook: what it does next is decided by `workbooks/engine`; actions are activities,
 * sub-workflows are runs of their own, pauses and updates come as messages.
 */
export async function workbook_run(input: WorkbookRunInput): Promise<WorkbookEnd> {
  upsertSearchAttributes([
    {
      key: defineSearchAttributeKey(searchAttributes.execution, SearchAttributeType.KEYWORD),
      value: input.execution_id,
    },
    { key: defineSearchAttributeKey(searchAttributes.kind, SearchAttributeType.KEYWORD), value: 'workbook' },
  ]);
  const driver = new Driver(input);
  const asked = CancellationScope.current().cancelRequested;
  asked.catch(() => driver.cancel());
  const facts = {
    workflow_name: input.resumed?.loaded.name ?? input.workflow,
    description: input.description,
    created_at: new Date(input.resumed?.state.createdAt ?? Date.now()).toISOString(),
    task_execution_id: input.parent?.task_id ?? null,
    root_execution_id: input.parent?.root_id ?? null,
  };
  // A run again of one that had ended is not over any more.
  upsertMemo({ state: input.resumed?.state.state === 'PAUSED' ? 'PAUSED' : 'RUNNING', output: null, facts });
  const note = (end: WorkbookEnd) =>
    upsertMemo({
      state: end.state,
      output: summary(end),
      facts: { ...facts, workflow_name: driver.workflowName },
    });
  const end = await CancellationScope.nonCancellable(() => driver.drive(note));
  if (end.state === 'CANCELLED') throw new CancelledFailure(end.state_info ?? 'cancelled');
  if (end.state === 'ERROR') {
    const message = (end.state_info ?? 'the workflow failed').split('\n')[0] ?? '';
    throw ApplicationFailure.create({
      message,
      type: 'failed',
      nonRetryable: true,
      details: [{ ...summary(end), ...said(end) }],
    });
  }
  // The parent has been told by a signal: in its history that is to stand once.
  return input.parent === undefined ? end : { ...end, output: {} };
}

/** What `output-on-error` says, for the row of a schedule that ran it. */
function said({ state_info, output }: WorkbookEnd): { output?: Record<string, unknown> } {
  const { result, ...rest } = output;
  const own = result === state_info ? rest : output;
  return Object.keys(own).length === 0 || JSON.stringify(own).length > 4096 ? {} : { output: own };
}

/** What stands in a list: the output if it is short, or that it is to be looked up. */
function summary({ state, state_info, output }: WorkbookEnd): Record<string, unknown> {
  const words = { SUCCESS: 'Workflow complete', ERROR: 'Workflow failed', CANCELLED: 'Workflow cancelled' };
  const error = state === 'ERROR' && state_info !== null ? { error: state_info.slice(0, 1000) } : {};
  const short = JSON.stringify(output).length <= 4096;
  if (state !== 'SUCCESS') return { status: words[state], ...error };
  return short
    ? { status: words[state], ...output }
    : { status: words[state], output: 'too long for a list' };
}
