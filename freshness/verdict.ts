import type { InstanceRecord } from '../repository/manifest.ts';
import { type Deadline, deadlineOf } from './deadline.ts';
import type { Survey } from './survey.ts';

/** Whether an instance has a good backup in time. */
export interface Verdict {
  instance: InstanceRecord;
  /** Null where it is not watched. */
  deadline: Deadline | null;
  stale: boolean;
  lastBackupId: string | null;
  /** Milliseconds; null where there is no good backup. */
  lastBackupAt: number | null;
  /** Seconds that the newest good backup may have; null where it is not watched. */
  maxAge: number | null;
  /** Why it is stale, in words, and in one word that those with the same cause share; null where it is not. */
  reason: string | null;
  cause: 'store' | 'deleted' | 'paused' | 'damaged' | 'late' | null;
}

/** Milliseconds by which a repository that cannot be read puts a deadline off. */
const longestExcuse = 600_000;

/**
 * Judges an instance by what a survey found.
 * @param options.storeProblem why the repository cannot be read now, in words
 * @param options.maxAge seconds, over what the instance and its schedules say
 * @param options.wasStale an unpause or a new pattern does not end that; a good backup does
 */
export function judge(
  survey: Survey,
  record: InstanceRecord,
  options: { now: number; storeProblem?: string | null; maxAge?: number | undefined; wasStale?: boolean },
): Verdict {
  const { now, storeProblem = null } = options;
  const found = survey.found(record.id) ?? { good: null, passedOver: 0 };
  const maxAge = options.maxAge ?? record.max_age;
  const instance = {
    maxAge: typeof maxAge === 'number' ? maxAge * 1000 : maxAge,
    createdAt: Date.parse(record.created_at),
  };
  const schedules = survey.schedulesOf(record.id);
  const deadline = deadlineOf(instance, schedules, found.good, { strict: options.wasStale ?? false });
  const lastBackupAt = found.good?.startedAt ?? null;
  const from = lastBackupAt ?? deadline?.schedule?.activeSince ?? instance.createdAt;
  const allowed = deadline === null ? null : Math.max(0, deadline.at - from);
  // A backup that was made since the last look cannot be seen now: a store that is away for a moment makes nothing stale.
  const excuse = storeProblem === null ? 0 : Math.min(longestExcuse, (allowed ?? 0) / 2);
  const stale = deadline !== null && deadline.at + excuse <= now;
  const verdict = {
    instance: record,
    deadline,
    stale,
    lastBackupId: found.good?.id ?? null,
    lastBackupAt,
    maxAge: allowed === null ? null : Math.round(allowed / 1000),
  };
  if (!stale) return { ...verdict, reason: null, cause: null };
  const what =
    lastBackupAt === null
      ? 'there is no good backup'
      : `no good backup since ${minute(lastBackupAt)} (${words(now - lastBackupAt)})`;
  const { cause, why } = whyOf(deadline, found.passedOver, storeProblem);
  return {
    ...verdict,
    reason: `${what}; one was due by ${minute(deadline.at)}${why === null ? '' : `; ${why}`}`,
    cause,
  };
}

function whyOf(
  { schedule }: Deadline,
  passedOver: number,
  storeProblem: string | null,
): { cause: Exclude<Verdict['cause'], null>; why: string | null } {
  if (storeProblem !== null) return { cause: 'store', why: `the repository cannot be read: ${storeProblem}` };
  if (passedOver > 0) {
    const are = passedOver === 1 ? 'a newer one is' : `${passedOver} newer ones are`;
    return { cause: 'damaged', why: `${are} damaged, being deleted, or not in enough repositories` };
  }
  if (schedule?.deleted) return { cause: 'deleted', why: `its schedule ${schedule.name} was deleted` };
  if (schedule?.paused) return { cause: 'paused', why: `its schedule ${schedule.name} is paused` };
  return { cause: 'late', why: null };
}

/** `2026-03-04T02:30Z` */
export function minute(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 16)}Z`;
}

/** Milliseconds as `1d 2h`, `3h 5m`, `40s`. */
export function words(span: number): string {
  const seconds = Math.max(0, Math.round(span / 1000));
  const units: [string, number][] = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3600) % 24],
    ['m', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ];
  const parts = units.filter(([, count]) => count > 0).map(([unit, count]) => `${count}${unit}`);
  return parts.slice(0, 2).join(' ') || '0s';
}
