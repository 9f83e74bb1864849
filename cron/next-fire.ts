import type { CronFields } from './fields.ts';
import { offsetAt } from './wall-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The longest pause between two fires of a pattern is from one 29 February to the one after the next, around 2100. */
const FURTHEST = 9 * 366;
/** So near to a change of the clocks, programs do not agree on when a pattern fires. */
const UNSURE = 3 * HOUR;

/**
 * The first instant after another at which a pattern certainly fires, in milliseconds; null where there is none.
 *
 * What wall clocks show decides, as it does for Temporal. Fires within three hours of a change of the clocks are passed
 * over: Temporal leaves some of them out, moves or repeats others, and nobody should be woken for that.
 */
export function nextCertainFire(fields: CronFields, timezone: string, after: number): number | null {
  const hours = [...fields.hours].sort((a, b) => a - b);
  const minutes = [...fields.minutes].sort((a, b) => a - b);
  const wallAfter = after + offsetAt(timezone, after) * MINUTE;
  const first = Math.floor(wallAfter / DAY);
  for (let day = first; day < first + FURTHEST; day += 1) {
    const date = new Date(day * DAY);
    const isDay =
      fields.months.has(date.getUTCMonth() + 1) &&
      fields.daysOfMonth.has(date.getUTCDate()) &&
      fields.daysOfWeek.has(date.getUTCDay());
    if (!isDay) continue;
    for (const hour of hours) {
      for (const minute of minutes) {
        const wall = day * DAY + hour * HOUR + minute * MINUTE;
        // Between it and `after` the clocks are not changed, or it is hours away from the change.
        if (wall <= wallAfter) continue;
        const instant = certainInstant(timezone, wall);
        if (instant !== null && instant > after) return instant;
      }
    }
  }
  return null;
}

/** When a wall clock shows a time, where the clocks are not changed around it. */
function certainInstant(timezone: string, wall: number): number | null {
  const instant = wall - offsetAt(timezone, wall) * MINUTE;
  const [before, after] = [offsetAt(timezone, instant - UNSURE), offsetAt(timezone, instant + UNSURE)];
  if (before !== after) return null;
  return wall - before * MINUTE;
}
