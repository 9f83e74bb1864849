import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import {
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  startChild,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { CronTriggerActivities } from '../activities/cron-triggers.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';
import { asExecution, type Ending } from './execution.ts';
import { afterSiblings } from './lane.ts';
import {
  type BackupCreateInput,
  type ExecutionOutput,
  type MissedFires,
  type RunPolicy,
  type ScheduledWorkflow,
  searchAttributes,
} from './types.ts';
import { type WorkbookEnd, type WorkbookRunInput, workbookRun, workbookRunId } from './workbooks/types.ts';

const { retire_cron_trigger } = proxyActivities<CronTriggerActivities>({
  startToCloseTimeout: '20 seconds',
  scheduleToCloseTimeout: '1 minute',
});

/** Characters of an output, as JSON, beyond which a list does not show it: the run has all of it. */
const longOutput = 4096;

/**
 * One scheduled run of a workflow: it yields to others of its schedule as a backup does, though it needs no lane, and
 * ends as the run of the workflow ends, which is its child: cancelled with it.
 */
export function runScheduledWorkflow(
  input: BackupCreateInput,
  workflow: ScheduledWorkflow,
  policy: RunPolicy,
  missed: MissedFires | undefined,
): Promise<ExecutionOutput> {
  const facts: Record<string, string> = { workflow_name: workflow.name };
  const frame = {
    failed: 'Workflow failed',
    cancelled: 'Workflow cancelled',
    facts,
    workflow: workflow.name,
    ...(input.instance === '' ? {} : { instanceId: input.instance }),
  };
  return asExecution(frame, async (): Promise<Ending> => {
    if (missed !== undefined) {
      return { state: 'MISSED', output: { status: 'Workflow missed', ...missed } };
    }
    // As in Mistral, executions of a cron trigger do not mind each other.
    const yielded = policy.cron_trigger === undefined ? await afterSiblings(policy) : await retire(policy);
    if (yielded !== null) {
      return { state: 'SKIPPED', output: { status: 'Workflow skipped', reason: yielded.reason } };
    }
    const id = uuid4();
    facts.workflow_execution_id = id;
    const { output } = await runChild(id, input, workflow, policy);
    return { state: 'SUCCESS', output: shown(output) };
  });
}

/** A trigger goes away with its last execution. Where that fails, the reconciler removes it within a minute. */
async function retire({ schedule_id }: RunPolicy): Promise<null> {
  try {
    if (schedule_id !== null) await retire_cron_trigger({ schedule_id });
  } catch (error) {
    if (isCancellation(error)) throw error;
  }
  return null;
}

async function runChild(
  id: string,
  input: BackupCreateInput,
  workflow: ScheduledWorkflow,
  policy: RunPolicy,
): Promise<WorkbookEnd> {
  const run: WorkbookRunInput = {
    execution_id: id,
    workflow: workflow.name,
    input: workflow.input,
    params: { ...workflow.params, ...scheduledAt() },
    description: description(input, policy),
  };
  const labels: [name: string, value: string | null][] = [
    [searchAttributes.kind, 'workbook'],
    [searchAttributes.execution, id],
    [searchAttributes.schedule, policy.schedule_id],
    [searchAttributes.instance, input.instance === '' ? null : input.instance],
  ];
  const handle = await startChild<(input: WorkbookRunInput) => Promise<WorkbookEnd>>(workbookRun, {
    workflowId: workbookRunId(id),
    args: [run],
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    typedSearchAttributes: new TypedSearchAttributes(
      labels.flatMap(([name, value]) =>
        value === null ? [] : [{ key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD), value }],
      ),
    ),
  });
  return handle.result();
}

/** What started it, as Mistral says it of its cron triggers. */
function description(input: BackupCreateInput, policy: RunPolicy): string {
  const type = policy.cron_trigger === undefined ? 'schedule' : 'cron_trigger';
  const what = type === 'schedule' ? `schedule ${input.name}` : 'cron trigger';
  return JSON.stringify({
    description: `Workflow execution created by ${what} '(${policy.schedule_id})'.`,
    triggered_by: { type, id: policy.schedule_id },
  });
}

/** The instant of the fire, where there was one: a run that was made up for, or backfilled, is of an earlier one. */
function scheduledAt(): Dictionary {
  const at = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(workflowInfo().workflowId)?.[1];
  return at === undefined ? {} : { scheduled_at: at };
}

/** The workflow's output as the output of a row: with a status, and short. */
function shown(output: Dictionary): ExecutionOutput {
  if (JSON.stringify(output).length > longOutput) {
    return { status: 'Workflow complete', output: 'too long for a list' };
  }
  return { status: 'Workflow complete', ...output };
}
