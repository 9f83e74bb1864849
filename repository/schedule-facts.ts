import type { ScheduleCopy } from './schedule-copy.ts';

/** What a copy holds besides its revision and whether the schedule was deleted. */
export type ScheduleFacts = Omit<ScheduleCopy, 'revision' | 'deleted' | 'namespace_id'>;

/** The part of Temporal's description of a schedule that a copy is made of. */
export interface DescribedSchedule {
  scheduleId: string;
  action: { type: string; workflowType?: string; args?: readonly unknown[] | undefined };
  spec: { calendars?: { comment?: string }[]; timezone?: string; jitter?: number | undefined };
  state: { paused: boolean; note?: string; remainingActions?: number | undefined };
}

/** Null for a schedule that is not ours, or whose pattern is not known: somebody made it past us. */
export function factsOfSchedule(schedule: DescribedSchedule): ScheduleFacts | null {
  const { scheduleId, action, spec, state } = schedule;
  if (action.type !== 'startWorkflow' || action.workflowType !== 'backup_create') return null;
  const [input, policy] = (action.args ?? []) as [ScheduleFacts['input']?, ScheduleFacts['policy']?];
  if (input === undefined || policy?.schedule_id !== scheduleId) return null;
  const pattern = spec.calendars?.[0]?.comment;
  if (!pattern) return null;
  return {
    id: scheduleId,
    pattern,
    timezone: spec.timezone || 'UTC',
    jitter: (spec.jitter ?? 0) / 1000,
    paused: state.paused,
    note: state.note || null,
    input,
    policy: withRemaining(policy, state.remainingActions),
  };
}

/** Of a cron trigger a copy has to say how often it is yet to fire. */
function withRemaining(policy: ScheduleFacts['policy'], remaining: number | undefined) {
  const { cron_trigger: trigger } = policy;
  if (remaining === undefined || typeof trigger !== 'object' || trigger === null) return policy;
  return { ...policy, cron_trigger: { ...trigger, remaining } };
}
