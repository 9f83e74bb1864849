import type { Client, ScheduleDescription } from '@temporalio/client';
import { searchAttributes } from '../workflows/types.ts';

export interface Fires {
  /** Times (milliseconds) at which a run should have begun and none did, oldest first. */
  lost: number[];
  newest: { at: number; taken: boolean } | null;
}

/**
 * Which fires in (from, until] nothing was started for. When a schedule fires is Temporal's to say; whether it did is
 * known by the workflow ids, which end in the fire's own time, and by the schedule's recent actions (a run that was
 * deleted is not a lost one).
 */
export async function lostFires(
  temporal: Client,
  schedule: ScheduleDescription,
  from: number,
  until: number,
): Promise<Fires> {
  const fires = await matchingTimes(temporal, schedule.scheduleId, from, until);
  if (fires.length === 0) return { lost: [], newest: null };
  const taken = new Set(schedule.info.recentActions.map(({ scheduledAt }) => scheduledAt.getTime()));
  if (fires.some((fire) => !taken.has(fire))) {
    for (const fire of await startedFires(temporal, schedule.scheduleId, from)) taken.add(fire);
  }
  const newest = fires.at(-1) as number;
  return {
    lost: fires.filter((fire) => !taken.has(fire)),
    newest: { at: newest, taken: taken.has(newest) },
  };
}

async function matchingTimes(
  temporal: Client,
  scheduleId: string,
  from: number,
  until: number,
): Promise<number[]> {
  const { startTime } = await temporal.workflowService.listScheduleMatchingTimes({
    namespace: temporal.options.namespace,
    scheduleId,
    startTime: timestamp(from),
    endTime: timestamp(until),
  });
  return startTime
    .map((time) => Number(time.seconds ?? 0) * 1000)
    .filter((time) => time > from && time <= until)
    .sort((a, b) => a - b);
}

async function startedFires(temporal: Client, scheduleId: string, from: number): Promise<number[]> {
  const query = [
    `${searchAttributes.schedule} = '${scheduleId}'`,
    `WorkflowType = 'backup_create'`,
    `StartTime >= '${new Date(from).toISOString()}'`,
  ].join(' AND ');
  const fires: number[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query })) {
    const time = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(workflowId)?.[1];
    if (time !== undefined) fires.push(Date.parse(time));
  }
  return fires;
}

function timestamp(milliseconds: number) {
  return { seconds: Math.floor(milliseconds / 1000) as never, nanos: (milliseconds % 1000) * 1_000_000 };
}
