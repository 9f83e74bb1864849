import type { ScheduleDescription } from '@temporalio/client';
import { v5 as uuidv5 } from 'uuid';
import { firedArguments } from './schedule-record.ts';
import type { CronTrigger } from './types.ts';

/** What ids of cron triggers are made in: the same name gives the same id, so that Temporal keeps names unique. */
const namespace = '5c7b4f0e-3c52-4b0e-9d53-9a2f1f6d7c11';

export function cronTriggerId(name: string): string {
  return uuidv5(name, namespace);
}

/** What Temporal knows of a cron trigger; null for any other schedule, and for one that has no execution left. */
export function toCronTrigger(description: ScheduleDescription): CronTrigger | null {
  const [input, policy] = firedArguments(description) ?? [];
  if (input?.workflow === undefined || policy?.cron_trigger === undefined || isExhausted(description)) {
    return null;
  }
  const { state, info } = description;
  const { pattern, first_execution_time: first } = policy.cron_trigger;
  return {
    id: description.scheduleId,
    name: input.name,
    workflowName: input.workflow.name,
    workflowInput: input.workflow.input,
    workflowParams: input.workflow.params,
    pattern,
    firstExecutionTime: first === null ? null : new Date(first),
    nextExecutionTime: state.paused ? null : (info.nextActionTimes[0] ?? null),
    remainingExecutions: state.remainingActions ?? null,
    createdAt: info.createdAt,
    updatedAt: info.lastUpdatedAt ?? null,
  };
}

/** Whether it fired as often as it was to: then it is gone, as far as anybody is told. */
export function isExhausted({ state }: ScheduleDescription): boolean {
  return state.remainingActions === 0;
}
