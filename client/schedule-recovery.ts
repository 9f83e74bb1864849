import type { ScheduleDescription } from '@temporalio/client';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { ScheduleFacts } from '../repository/schedule-facts.ts';
import type { BackupCreateInput, RunPolicy } from '../workflows/types.ts';
import { concurrently } from './concurrently.ts';
import type { TemporalLink } from './connection.ts';
import { isAlreadyThere, isNotFound } from './grpc-errors.ts';
import { changeSchedule } from './schedule-change.ts';
import { firedArguments, scheduleRequest } from './schedule-record.ts';

/** Calls to Temporal at a time. */
const SIDE_BY_SIDE = 20;

/** The note of a schedule that `recover` paused: what bears it was active before, and is when `--activate` comes. */
export const recoveredNote = 'paused by `backupctl recover`; --activate or schedule-unpause lets it fire';

/** A schedule as the repository has it. */
export interface RecoverableSchedule {
  facts: ScheduleFacts;
  deleted: boolean;
}

export interface ScheduleRecoveryRequest {
  taskQueue: string;
  activate: boolean;
  /**
   * Whether the repository is right where Temporal says something else: after a takeover from another platform. Else
   * Temporal is, and only what it lacks is made.
   */
  repositoryWins: boolean;
  now: Date;
  onProgress?(done: number, of: number): void;
}

export interface ScheduleRecovery {
  created: string[];
  /** There, and made what the repository says, or let fire. */
  changed: string[];
  /** There, and as it should be. */
  kept: string[];
  /** Deleted elsewhere meanwhile. */
  deleted: string[];
  problems: { id: string; name: string; problem: string }[];
}

/**
 * Whether a recovered schedule is paused, and its note: those that a person paused stay so, the others wait for
 * `--activate`.
 */
export function pauseOf(facts: ScheduleFacts, activate: boolean): { paused: boolean; note: string | null } {
  const ours = facts.note === recoveredNote;
  if (facts.paused && !ours) return { paused: true, note: facts.note };
  if (!activate) return { paused: true, note: recoveredNote };
  return { paused: false, note: ours ? null : facts.note };
}

/**
 * Brings the schedules of a namespace in line with those of the repository, each under its own id. It may be ended at any
 * moment and called again. One that cannot be made stops none of the others.
 * @throws BackupctlError unavailable …: Temporal does not answer
 */
export async function recoverSchedules(
  link: TemporalLink,
  schedules: readonly RecoverableSchedule[],
  request: ScheduleRecoveryRequest,
): Promise<ScheduleRecovery> {
  const outcome: ScheduleRecovery = { created: [], changed: [], kept: [], deleted: [], problems: [] };
  let done = 0;
  await concurrently(schedules, SIDE_BY_SIDE, async (schedule) => {
    const { id, input } = schedule.facts;
    try {
      const came = await link.call(() => recoverOne(link, schedule, request));
      if (came !== null) outcome[came].push(id);
    } catch (error) {
      if (!isOfTheSchedule(error)) throw error;
      outcome.problems.push({ id, name: input.name, problem: messageOf(error) });
    }
    done += 1;
    request.onProgress?.(done, schedules.length);
  });
  return outcome;
}

type Came = 'created' | 'changed' | 'kept' | 'deleted';

async function recoverOne(
  link: TemporalLink,
  { facts, deleted }: RecoverableSchedule,
  request: ScheduleRecoveryRequest,
): Promise<Came | null> {
  if (deleted) return request.repositoryWins && (await remove(link, facts.id)) ? 'deleted' : null;
  const input = facts.input as unknown as BackupCreateInput;
  // What should have fired while nobody was there is not made up for: whoever recovers decides what runs.
  const policy = { ...facts.policy, active_since: request.now.toISOString() } as unknown as RunPolicy;
  // It had fired as often as it was to.
  if (policy.cron_trigger?.remaining === 0) return null;
  const state = pauseOf(facts, request.activate);
  await checkFires(facts);
  const create = () =>
    link.client.schedule.create(scheduleRequest({ ...facts, ...state, input, policy }, request.taskQueue));
  try {
    await create();
    return 'created';
  } catch (error) {
    if (!isAlreadyThere(error)) throw error;
  }
  if (policy.cron_trigger !== undefined && request.repositoryWins) {
    // What is left and the first time cannot be changed in place.
    await remove(link, facts.id);
    await create();
    return 'changed';
  }
  let changed = false;
  const describe = () => describeOurs(link, facts.id);
  await changeSchedule(link, describe, (draft) => {
    const before = structuredClone(draft);
    const alike = request.repositoryWins ? { ...draft, ...asDraft(facts), ...unnoted(state) } : draft;
    Object.assign(draft, alike);
    if (!request.repositoryWins && request.activate && draft.paused && draft.note === recoveredNote) {
      draft.paused = false;
      draft.note = '';
    }
    draft.policy.active_since = before.policy.active_since;
    changed = JSON.stringify(before) !== JSON.stringify(draft);
    if (changed) draft.policy.active_since = policy.active_since;
  });
  return changed ? 'changed' : 'kept';
}

function asDraft({ input, policy, pattern, timezone, jitter }: ScheduleFacts) {
  return structuredClone({ input, policy, pattern, timezone, jitter }) as unknown as {
    input: BackupCreateInput;
    policy: RunPolicy;
    pattern: string;
    timezone: string;
    jitter: number;
  };
}

const unnoted = ({ paused, note }: { paused: boolean; note: string | null }) => ({
  paused,
  note: note ?? '',
});

/** A copy is not signed: what is in it is checked as what a user writes is. @throws BackupctlError usage */
async function checkFires({ pattern, timezone }: ScheduleFacts): Promise<void> {
  const [{ checkPattern }, { checkTimezone }] = await Promise.all([
    import('../cron/pattern.ts'),
    import('../cron/timezone.ts'),
  ]);
  await checkPattern(pattern);
  checkTimezone(timezone);
}

async function describeOurs(link: TemporalLink, id: string): Promise<ScheduleDescription> {
  const description = await link.client.schedule.getHandle(id).describe();
  if (firedArguments(description) !== null) return description;
  throw new BackupctlError('conflict', `Temporal has a schedule ${id} that is none of ours`);
}

async function remove(link: TemporalLink, id: string): Promise<boolean> {
  try {
    await link.client.schedule.getHandle(id).delete();
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** What is wrong with one schedule, as opposed to with Temporal. */
function isOfTheSchedule(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  return (
    error instanceof BackupctlError && !['unavailable', 'credentials', 'unsupported'].includes(error.code)
  );
}
