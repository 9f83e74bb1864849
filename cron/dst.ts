import type { CronFields } from './fields.ts';
import { type ClockChange, clockChanges, dayAndTime, offsetAt, type WallMinute } from './wall-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Around a change, what is looked at: Temporal moves a fire by no more than the clocks are moved. */
const AROUND = 4 * HOUR;
/** So many times of day are named in a line; the rest is counted. */
const NAMED = 3;

/** The fires of a schedule between two instants, as Temporal computes them. */
export type Fires = (from: Date, to: Date) => Promise<Date[]>;

/**
 * Names the days within a span on which a change of the clocks loses, moves or repeats a fire. What the pattern asks
 * for is compared with what Temporal will do.
 *
 * A pattern that fires in every hour is meant as an interval: that it leaves out an hour that does not exist, or fires
 * in both passes of one that is repeated, is in order.
 */
export async function dstNotices(
  fields: CronFields,
  timezone: string,
  span: { from: Date; to: Date },
  fires: Fires,
): Promise<string[]> {
  const notices: string[] = [];
  for (const change of clockChanges(timezone, span.from.getTime(), span.to.getTime())) {
    const actual = await fires(new Date(change.at - AROUND - 1), new Date(change.at + AROUND - 1));
    const odd = compare(fields, timezone, change, actual);
    const line = toLine(odd, timezone, change);
    if (line !== null) notices.push(line);
  }
  return notices;
}

interface Odd {
  lost: WallMinute[];
  repeated: WallMinute[];
  /** Fires at times of day that the pattern does not name. */
  moved: WallMinute[];
}

function compare(fields: CronFields, timezone: string, change: ClockChange, actual: Date[]): Odd {
  const counts = new Map<WallMinute, number>();
  for (const fire of actual) {
    const instant = Math.floor(fire.getTime() / MINUTE);
    const wall = instant + offsetAt(timezone, fire.getTime());
    counts.set(wall, (counts.get(wall) ?? 0) + 1);
  }
  const hourly = fields.hours.size === 24;
  const [gapStart, gapEnd] = [change.at / MINUTE + change.before, change.at / MINUTE + change.after];
  const odd: Odd = { lost: [], repeated: [], moved: [] };
  const first = (change.at - AROUND) / MINUTE + change.before;
  const last = (change.at + AROUND) / MINUTE + change.after;
  for (let wall = first; wall < last; wall += 1) {
    const count = counts.get(wall) ?? 0;
    if (!matches(fields, wall)) {
      if (count > 0) odd.moved.push(wall);
      continue;
    }
    const missing = wall >= gapStart && wall < gapEnd;
    const twofold = wall >= gapEnd && wall < gapStart;
    const wanted = hourly ? (missing ? 0 : twofold ? 2 : 1) : 1;
    if (count < wanted) odd.lost.push(wall);
    else if (count > wanted) odd.repeated.push(wall);
  }
  return odd;
}

/** Whether a pattern names a minute of the wall clock. One of its day fields is not restricted. */
export function matches(fields: CronFields, wall: WallMinute): boolean {
  const date = new Date(wall * MINUTE);
  return (
    fields.minutes.has(date.getUTCMinutes()) &&
    fields.hours.has(date.getUTCHours()) &&
    fields.daysOfMonth.has(date.getUTCDate()) &&
    fields.months.has(date.getUTCMonth() + 1) &&
    fields.daysOfWeek.has(date.getUTCDay())
  );
}

function toLine({ lost, repeated, moved }: Odd, timezone: string, change: ClockChange): string | null {
  const parts: string[] = [];
  const are = (walls: WallMinute[]) => (walls.length === 1 ? 'is' : 'are');
  const pairs = Math.min(lost.length, moved.length);
  if (pairs > 0) {
    const from = lost.slice(0, pairs);
    parts.push(`${times(from)} ${are(from)} moved to ${times(moved.slice(0, pairs))}`);
  }
  if (lost.length > pairs) {
    const rest = lost.slice(pairs);
    parts.push(`${times(rest)} ${are(rest)} left out${change.after < change.before ? ' once' : ''}`);
  }
  if (moved.length > pairs) parts.push(`a further run is at ${times(moved.slice(pairs))}`);
  if (repeated.length > 0) parts.push(`${times(repeated)} ${repeated.length === 1 ? 'runs' : 'run'} twice`);
  if (parts.length === 0) return null;
  const { day } = dayAndTime(change.at / MINUTE + change.after);
  const way = change.after > change.before ? 'forward' : 'back';
  return `on ${day}, when the clocks of ${timezone} go ${way}, ${parts.join(', ')}`;
}

function times(walls: WallMinute[]): string {
  const named = walls.slice(0, NAMED).map((wall) => dayAndTime(wall).time);
  const rest = walls.length - named.length;
  const last = rest > 0 ? `${rest} more` : named.pop();
  return named.length > 0 ? `${named.join(', ')} and ${last}` : `${last}`;
}
