import type { Client, ScheduleDescription } from '@temporalio/client';
import { searchAttributes } from '../workflows/types.ts';

/** An instant at which a schedule fires, in milliseconds. */
export interface Fire {
  /** With the schedule's jitter. */
  at: number;
  /** The fire before it, or an instant before which there is none to be mixed up with it. */
  after: number;
  /** Whether a run was started for it. */
  taken: boolean;
}

/**
 * The fires in (from, until], oldest first, and which of them nothing was started for. When a schedule fires is
 * Temporal's to say; whether it did is known by the workflow ids, which end in the fire's own time before jitter, and by
 * the schedule's recent actions (a run that was deleted is not a lost one).
 * @param beat is called while it takes long
 */
export async function firesOf(
  temporal: Client,
  schedule: ScheduleDescription,
  from: number,
  until: number,
  beat: () => void = () => {},
): Promise<Fire[]> {
  // Temporal looks for the next fire before jitter: one that jitter moves over `from` has to be looked for before it.
  const start = from - (schedule.spec.jitter ?? 0) - 1000;
  const times = await matchingTimes(temporal, schedule.scheduleId, start, until, beat);
  const fires = times
    .map((at, n) => ({ at, after: times[n - 1] ?? start, taken: false }))
    .filter(({ at }) => at > from);
  if (fires.length === 0) return [];
  const recent = new Set(schedule.info.recentActions.map(({ scheduledAt }) => scheduledAt.getTime()));
  for (const fire of fires) fire.taken = recent.has(fire.at);
  if (fires.some(({ taken }) => !taken)) {
    const started = await startedFires(temporal, schedule.scheduleId, from, beat);
    let n = 0;
    for (const fire of fires) {
      while ((started[n] ?? Number.POSITIVE_INFINITY) <= fire.after) n += 1;
      // Jitter never moves a fire past the next one.
      if ((started[n] ?? Number.POSITIVE_INFINITY) <= fire.at) fire.taken = true;
    }
  }
  return fires;
}

/** All of them: one answer of Temporal holds a thousand at most, and does not say that there are more. */
async function matchingTimes(
  temporal: Client,
  scheduleId: string,
  from: number,
  until: number,
  beat: () => void,
): Promise<number[]> {
  const times: number[] = [];
  for (let after = from; after < until; ) {
    beat();
    const { startTime } = await temporal.workflowService.listScheduleMatchingTimes({
      namespace: temporal.options.namespace,
      scheduleId,
      startTime: timestamp(after),
      endTime: timestamp(until),
    });
    const page = startTime
      .map((time) => Number(time.seconds ?? 0) * 1000 + Math.round((time.nanos ?? 0) / 1e6))
      .filter((time) => time > after && time <= until);
    if (page.length === 0) break;
    times.push(...page);
    after = page.reduce((latest, time) => Math.max(latest, time), after);
  }
  return times.sort((a, b) => a - b);
}

/** Their times before jitter, oldest first. */
async function startedFires(
  temporal: Client,
  scheduleId: string,
  from: number,
  beat: () => void,
): Promise<number[]> {
  const query = [
    `${searchAttributes.schedule} = '${scheduleId}'`,
    `WorkflowType = 'backup_create'`,
    `StartTime >= '${new Date(from).toISOString()}'`,
  ].join(' AND ');
  const fires: number[] = [];
  for await (const { workflowId } of temporal.workflow.list({ query })) {
    beat();
    const time = /-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/.exec(workflowId)?.[1];
    if (time !== undefined) fires.push(Date.parse(time));
  }
  return fires.sort((a, b) => a - b);
}

function timestamp(milliseconds: number) {
  return { seconds: Math.floor(milliseconds / 1000) as never, nanos: (milliseconds % 1000) * 1_000_000 };
}
