/** Minutes since 1970 as a wall clock shows them, as if it stood in UTC. */
export type WallMinute = number;

const MINUTE = 60_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the wall clock of a zone is ahead of UTC at an instant, in minutes. */
export function offsetAt(timezone: string, instant: number): number {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timezone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  return Math.round((wall - Math.floor(instant / 1000) * 1000) / MINUTE);
}

/** An instant at which the clocks of a zone are changed. Offsets are minutes ahead of UTC. */
export interface ClockChange {
  at: number;
  before: number;
  after: number;
}

/** The changes of a zone's clocks within a span, oldest first. Changes less than a day apart may be taken for one. */
export function clockChanges(timezone: string, from: number, to: number): ClockChange[] {
  const changes: ClockChange[] = [];
  const day = 86_400_000;
  let before = offsetAt(timezone, from);
  for (let at = from + day; at < to + day; at += day) {
    const after = offsetAt(timezone, at);
    if (after === before) continue;
    let [low, high] = [Math.floor((at - day) / MINUTE), Math.ceil(at / MINUTE)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(timezone, middle * MINUTE) === before) low = middle;
      else high = middle;
    }
    changes.push({ at: high * MINUTE, before, after });
    before = after;
  }
  return changes;
}

/** `2027-03-28` and `02:30` of a wall clock. */
export function dayAndTime(wall: WallMinute): { day: string; time: string } {
  const text = new Date(wall * MINUTE).toISOString();
  return { day: text.slice(0, 10), time: text.slice(11, 16) };
}
