import type { ScheduleDescription, ScheduleOptions } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { ScheduleFacts } from '../repository/schedule-facts.ts';
import type { BackupCreateInput, CronTriggerFacts, RunPolicy } from '../workflows/types.ts';
import { labelsToAttributes } from './attributes.ts';
import { fromRecord } from './max-age.ts';
import type { Schedule } from './types.ts';

/** The type of workflow that a schedule of ours starts. */
export const scheduledWorkflow = 'backup_create';

/** What the label of a schedule says that it is; runs are labelled apart, by what they do. */
export const scheduleKinds = { schedule: 'backup', cronTrigger: 'cron-trigger' } as const;

/** The prefix of the ids of the workflows that a schedule starts; Temporal adds the time of the fire. */
export function scheduledWorkflowId(scheduleId: string): string {
  return `backup_create/${scheduleId}`;
}

/**
 * A cron pattern as Temporal is given it: what follows `#` comes back as the comment of the compiled calendar, which
 * is the only way to get the text again.
 */
export function cronWithComment(pattern: string): string {
  return `${pattern} # ${pattern}`;
}

/** The arguments of the action of a schedule, or null where it is none of ours; a cron trigger is not one. */
export function argumentsOf(description: ScheduleDescription): [BackupCreateInput, RunPolicy] | null {
  const found = firedArguments(description);
  return found?.[1].cron_trigger === undefined ? found : null;
}

/** The same for cron triggers, too: whatever of ours fires. */
export function firedArguments(description: ScheduleDescription): [BackupCreateInput, RunPolicy] | null {
  const { action } = description;
  if (action.workflowType !== scheduledWorkflow) return null;
  const [input, policy] = (action.args ?? []) as [BackupCreateInput?, RunPolicy?];
  return input === undefined || policy?.schedule_id !== description.scheduleId ? null : [input, policy];
}

/** What Temporal is given to make a schedule of ours. */
export function scheduleRequest(
  facts: Pick<ScheduleFacts, 'id' | 'pattern' | 'timezone' | 'jitter' | 'paused' | 'note'> & {
    input: BackupCreateInput;
    policy: RunPolicy;
  },
  taskQueue: string,
): ScheduleOptions {
  const { id, input, policy } = facts;
  const { cron_trigger: trigger } = policy;
  const kind = trigger === undefined ? scheduleKinds.schedule : scheduleKinds.cronTrigger;
  const labels = { instance: input.instance === '' ? null : input.instance, schedule: id };
  return {
    scheduleId: id,
    spec: {
      ...(trigger === undefined
        ? { cronExpressions: [cronWithComment(facts.pattern)] }
        : triggerSpec(facts.pattern, trigger)),
      timezone: facts.timezone,
      ...(facts.jitter > 0 ? { jitter: facts.jitter * 1000 } : {}),
    },
    action: {
      type: 'startWorkflow',
      workflowType: scheduledWorkflow,
      workflowId: scheduledWorkflowId(id),
      args: [input, withoutRemaining(policy)],
      taskQueue,
      typedSearchAttributes: labelsToAttributes({ kind: runKind(input), ...labels }),
    },
    // Overlap and lost fires are ours to decide, where they leave a row (docs/design.md).
    policies: { overlap: 'ALLOW_ALL', catchupWindow: 60_000 },
    typedSearchAttributes: labelsToAttributes({ kind, ...labels }),
    state: {
      paused: facts.paused,
      ...(facts.note === null ? {} : { note: facts.note }),
      ...(trigger?.remaining === undefined ? {} : { remainingActions: trigger.remaining }),
    },
  };
}

/** What is left is Temporal's to count. */
function withoutRemaining(policy: RunPolicy): RunPolicy {
  if (policy.cron_trigger === undefined) return policy;
  const { remaining: _, ...trigger } = policy.cron_trigger;
  return { ...policy, cron_trigger: trigger };
}

/** What a run of a schedule is labelled as. */
export function runKind({ workflow }: BackupCreateInput): 'backup' | 'workflow' {
  return workflow === undefined ? 'backup' : 'workflow';
}

/**
 * A first execution at an instant of its own, then as the pattern says. The comment of the first calendar is the pattern,
 * also where that instant is the only one.
 */
function triggerSpec(pattern: string, trigger: CronTriggerFacts): Partial<ScheduleOptions['spec']> {
  if (trigger.first_execution_time === null) return { cronExpressions: [cronWithComment(pattern)] };
  const first = new Date(trigger.first_execution_time);
  const at = {
    year: first.getUTCFullYear(),
    month: months[first.getUTCMonth()] as (typeof months)[number],
    dayOfMonth: first.getUTCDate(),
    hour: first.getUTCHours(),
    minute: first.getUTCMinutes(),
    second: first.getUTCSeconds(),
    comment: pattern,
  };
  if (trigger.pattern === null) return { calendars: [at] };
  return { calendars: [at], cronExpressions: [cronWithComment(pattern)], startAt: first };
}

const months = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE', 'JULY', 'AUGUST', 'SEPTEMBER'] as const),
  ...(['OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
];

/** What Temporal knows of a schedule, in our words; null where it is not one of ours. */
export function toSchedule(
  description: ScheduleDescription,
  nameOf: (instanceId: string) => string,
): Schedule | null {
  const found = argumentsOf(description);
  if (found === null) return null;
  const [input, policy] = found;
  const { spec, state, info } = description;
  return {
    id: description.scheduleId,
    name: input.name,
    description: input.description,
    instance: input.instance === '' ? null : input.instance,
    instanceName: input.instance === '' ? null : nameOf(input.instance),
    workflow: input.workflow ?? null,
    pattern: spec.calendars?.[0]?.comment ?? '',
    timezone: spec.timezone || 'UTC',
    nextExecutionTime: state.paused ? null : (info.nextActionTimes[0] ?? null),
    parentId: input.parent_id,
    incremental: input.incremental ?? false,
    input,
    paused: state.paused,
    note: state.note || null,
    overlap: policy.overlap,
    onBusy: policy.on_busy,
    catchupWindow: policy.catchup_window,
    jitter: (spec.jitter ?? 0) / 1000,
    keepLast: policy.keep_last ?? null,
    hooks: input.hooks ?? [],
    maxAge: fromRecord(policy.max_age),
    activeSince: policy.active_since === null ? null : new Date(policy.active_since),
    createdAt: info.createdAt,
    updatedAt: info.lastUpdatedAt ?? null,
  };
}

/** A value as Temporal's default data converter writes it: JSON. */
export function payloadOf(value: unknown): Payload {
  return { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(value)) };
}
