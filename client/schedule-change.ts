import { randomUUID } from 'node:crypto';
import type { ScheduleDescription } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { BackupCreateInput, RunPolicy } from '../workflows/types.ts';
import type { TemporalLink } from './connection.ts';
import { cronWithComment, firedArguments, payloadOf } from './schedule-record.ts';

/** A schedule as it should be: what differs from how it is, is written. */
export interface Draft {
  input: BackupCreateInput;
  policy: RunPolicy;
  pattern: string;
  timezone: string;
  /** Seconds. */
  jitter: number;
  paused: boolean;
  note: string;
}

const ATTEMPTS = 5;

/**
 * Changes a schedule: reads it, applies the change, writes it with the token of what was read, and reads it again.
 * Temporal drops an update whose token is old without a word, so only the second look tells that it was taken; else
 * somebody else's change came between, and the change is applied to that.
 *
 * @param describe reads the schedule; throws not-found
 * @throws BackupctlError conflict when others change it all the time
 */
export async function changeSchedule(
  link: TemporalLink,
  describe: () => Promise<ScheduleDescription>,
  change: (draft: Draft) => void,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const description = await describe();
    const before = draftOf(description);
    const draft = structuredClone(before);
    change(draft);
    if (same(before, draft)) return;
    await write(link, description, before, draft);
    if (same(draftOf(await describe()), draft)) return;
  }
  throw new BackupctlError('conflict', 'somebody else keeps changing the schedule', {
    hint: 'look at it with `backupctl schedule-show`, and try again',
  });
}

function draftOf(description: ScheduleDescription): Draft {
  const found = firedArguments(description);
  if (found === null)
    throw new BackupctlError('not-found', `${description.scheduleId} is no schedule of ours`);
  const { spec, state } = description;
  return {
    input: found[0],
    policy: found[1],
    pattern: spec.calendars?.[0]?.comment ?? '',
    timezone: spec.timezone || 'UTC',
    jitter: (spec.jitter ?? 0) / 1000,
    paused: state.paused,
    note: state.note ?? '',
  };
}

function same(a: Draft, b: Draft): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

async function write(
  link: TemporalLink,
  { scheduleId, raw }: ScheduleDescription,
  before: Draft,
  draft: Draft,
): Promise<void> {
  const { schedule, conflictToken, searchAttributes } = raw;
  const start = schedule?.action?.startWorkflow;
  if (!schedule?.spec || !start)
    throw new Error(`schedule ${scheduleId} was described without spec or action`);
  start.input = { payloads: [payloadOf(draft.input), payloadOf(draft.policy)] };
  if (draft.pattern !== before.pattern) {
    schedule.spec.structuredCalendar = [];
    schedule.spec.cronString = [cronWithComment(draft.pattern)];
  }
  schedule.spec.timezoneName = draft.timezone;
  if (draft.jitter !== before.jitter) {
    const { msToTs } = await import('@temporalio/common/lib/time.js');
    schedule.spec.jitter = msToTs(draft.jitter * 1000);
  }
  schedule.state = { ...schedule.state, paused: draft.paused, notes: draft.note };
  await link.call(({ workflowService }) =>
    workflowService.updateSchedule({
      namespace: link.namespace,
      scheduleId,
      schedule,
      conflictToken,
      searchAttributes,
      requestId: randomUUID(),
    }),
  );
}
