import { nextCertainFire } from '../cron/next-fire.ts';
import { parsePattern } from '../cron/pattern.ts';

/**
 * Until when the next good backup of an instance has to be there. The rule, which `docs/notifications.md` tells people:
 *
 * - An instance with a `max_age` of its own: when its newest good backup is that old. `none`: it is not watched.
 * - Else the schedules that it has, the strictest of them; of an instance whose schedules were all deleted, the one that
 *   was deleted last. One with a `max_age`: when the newest good backup is that old. One without: the first fire after
 *   that backup (by the pattern, in its zone), the jitter, and slack: a quarter of the time to the fire after it, between
 *   15 minutes and 6 hours, and twice as long as that backup took.
 * - An instance that has neither is not watched.
 */

/** What is known of a schedule, from its copy in the repository. Times are milliseconds. */
export interface WatchedSchedule {
  id: string;
  name: string;
  instanceId: string;
  pattern: string;
  timezone: string;
  jitter: number;
  paused: boolean;
  deleted: boolean;
  /** `null`: it does not count. `undefined`: its fires say it. */
  maxAge: number | null | undefined;
  /** Fires before this are not expected: creation, the last unpause, the last change of the pattern. */
  activeSince: number;
  /** When this revision was written, by the store's clock. */
  changedAt: number;
}

/** A backup that is there, complete, and not on its way out. Times are milliseconds. */
export interface GoodBackup {
  id: string;
  startedAt: number;
  finishedAt: number;
}

export interface WatchedInstance {
  maxAge: number | null | undefined;
  createdAt: number;
}

export interface Deadline {
  at: number;
  /** The schedule that sets it; null where the instance itself does. */
  schedule: WatchedSchedule | null;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const leastSlack = 15 * MINUTE;
/** Before the first backup nobody knows how long one takes. */
const firstSlack = HOUR;
const mostSlack = 6 * HOUR;

/**
 * @param options.strict what was not in time stays so until a good backup comes: an unpause does not excuse it
 * @returns null where nobody said that there should be backups
 */
export function deadlineOf(
  instance: WatchedInstance,
  schedules: readonly WatchedSchedule[],
  good: GoodBackup | null,
  options: { strict?: boolean } = {},
): Deadline | null {
  if (instance.maxAge === null) return null;
  if (instance.maxAge !== undefined) {
    return { at: (good?.startedAt ?? instance.createdAt) + instance.maxAge, schedule: null };
  }
  let first: Deadline | null = null;
  for (const schedule of counting(schedules)) {
    const at = deadlineBy(schedule, good, options.strict ?? false);
    if (at !== null && (first === null || at < first.at)) first = { at, schedule };
  }
  return first;
}

/** The schedules that there are; of those that were deleted, the last one. */
function counting(schedules: readonly WatchedSchedule[]): readonly WatchedSchedule[] {
  const alive = schedules.filter(({ deleted }) => !deleted);
  if (alive.length > 0) return alive;
  return schedules.toSorted((a, b) => b.changedAt - a.changedAt).slice(0, 1);
}

function deadlineBy(schedule: WatchedSchedule, good: GoodBackup | null, strict: boolean): number | null {
  const { maxAge, activeSince } = schedule;
  if (maxAge === null) return null;
  if (maxAge !== undefined) return (good?.startedAt ?? activeSince) + maxAge;
  const fields = parsePattern(schedule.pattern);
  const since = good === null ? activeSince : strict ? good.startedAt : Math.max(good.startedAt, activeSince);
  const fire = nextCertainFire(fields, schedule.timezone, since);
  if (fire === null) return null;
  const next = nextCertainFire(fields, schedule.timezone, fire);
  const gap = next === null ? Number.POSITIVE_INFINITY : next - fire;
  const least = good === null ? firstSlack : leastSlack;
  const slack = Math.max(least, Math.min(mostSlack, gap / 4));
  const took = good === null ? 0 : Math.max(0, good.finishedAt - good.startedAt);
  return fire + schedule.jitter + slack + 2 * took;
}
