import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { concurrently } from '../../client/concurrently.ts';
import { connectTemporal, type TemporalLink } from '../../client/connection.ts';
import { dstNotices, matches } from '../../client/cron/dst.ts';

import { matchingTimes } from '../../client/cron/matching-times.ts';
import { checkPattern, parsePattern } from '../../client/cron/pattern.ts';
import { clockChanges, offsetAt } from '../../client/cron/wall-clock.ts';
import { cronWithComment } from '../../client/schedule-record.ts';
import { startTemporal, type TemporalServer } from '../servers/temporal.ts';

const PATTERNS = 2_000;
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
// Of zones whose rules change every other year (Morocco) Node and Temporal may hold different editions.
const zones = [
  'UTC',
  'Europe/Paris',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Pacific/Chatham',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'America/St_Johns',
];

/** mulberry32: the same numbers for the same seed, on every machine. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const seed = Number(process.env.BACKUPCTL_TEST_SEED ?? 20160614);

function makePattern(random: () => number): string {
  const whole = (from: number, to: number) => from + Math.floor(random() * (to - from + 1));
  const value = (from: number, to: number, names: string[]) => {
    const number = whole(from, to);
    const name = names[number - from];
    return name !== undefined && random() < 0.3 ? name : String(number);
  };
  const item = (from: number, to: number, names: string[]): string => {
    const kind = random();
    if (kind < 0.35) return value(from, to, names);
    if (kind < 0.55) return `*/${whole(1, Math.max(1, Math.floor((to - from) / 2)))}`;
    const start = whole(from, to - 1);
    const end = whole(start, to);
    if (kind < 0.75) return `${start}-${end}`;
    if (kind < 0.9) return `${start}-${end}/${whole(1, Math.max(1, end - start))}`;
    return `${start}/${whole(1, Math.max(1, to - start))}`;
  };
  const field = (from: number, to: number, free: number, names: string[] = []) => {
    if (random() < free) return '*';
    const count = random() < 0.8 ? 1 : whole(2, 3);
    return Array.from({ length: count }, () => item(from, to, names)).join(',');
  };
  const byWeek = random() < 0.5;
  return [
    field(0, 59, 0.1),
    field(0, 23, 0.3),
    byWeek ? '*' : field(1, 31, 0.5),
    field(1, 12, 0.8, ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']),
    byWeek ? field(0, 7, 0.2, ['SUN', 'MON', 'tue', 'WED', 'THU', 'FRI', 'SAT']) : '*',
  ].join(' ');
}

let temporal: TemporalServer;
let link: TemporalLink;

beforeAll(async () => {
  temporal = await startTemporal();
  link = await connectTemporal({
    platform: null,
    dataDir: undefined,
    address: temporal.address,
    namespace: temporal.namespace,
    env: {},
  });
});
afterAll(async () => {
  await link?.close();
  await temporal?.stop();
});

/** Makes a schedule that never acts, asks about it, and removes it. */
async function withSchedule<T>(
  pattern: string,
  timezone: string,
  ask: (id: string, next: Date[]) => Promise<T>,
): Promise<T> {
  const id = randomUUID();
  const handle = await link.client.schedule.create({
    scheduleId: id,
    spec: { cronExpressions: [cronWithComment(pattern)], timezone },
    action: { type: 'startWorkflow', workflowType: 'none', workflowId: id, taskQueue: 'none', args: [] },
    state: { paused: true },
  });
  try {
    const { info, spec } = await handle.describe();
    expect(spec.calendars?.[0]?.comment).toBe(pattern);
    return await ask(id, info.nextActionTimes);
  } finally {
    await handle.delete();
  }
}

/** What the pattern says, minute by minute on the zone's clock; for spans in which the clocks are not changed. */
function expectedFires(pattern: string, timezone: string, from: number, to: number): number[] {
  const fields = parsePattern(pattern);
  const offset = offsetAt(timezone, from);
  const fires: number[] = [];
  for (let minute = Math.floor(from / MINUTE) + 1; minute * MINUTE <= to; minute += 1) {
    if (matches(fields, minute + offset)) fires.push(minute * MINUTE);
  }
  return fires;
}

describe('cron patterns', () => {
  test(`fire when we say, for ${PATTERNS} generated patterns in ten zones (seed ${seed})`, async () => {
    const random = generator(seed);
    const accepted: { pattern: string; timezone: string; from: number }[] = [];
    let refused = 0;
    while (accepted.length < PATTERNS) {
      const pattern = makePattern(random);
      const timezone = zones[accepted.length % zones.length] ?? 'UTC';
      try {
        await checkPattern(pattern);
        const from = Date.now() + Math.floor(random() * 700) * DAY;
        accepted.push({ pattern, timezone, from });
      } catch {
        refused += 1;
      }
    }
    // What is refused are lists whose parts overlap, steps that are too long, days that no month has.
    expect(refused).toBeLessThan(PATTERNS);
    const wrong: string[] = [];
    await concurrently(accepted, 16, async ({ pattern, timezone, from }) => {
      await withSchedule(pattern, timezone, async (id, next) => {
        const to = from + 5 * 60 * MINUTE;
        const [first, fires] = await Promise.all([
          next[0] === undefined ? null : matchingTimes(link, id, new Date(next[0].getTime() - 1), next[0]),
          clockChanges(timezone, from - DAY, to + DAY).length > 0
            ? null
            : matchingTimes(link, id, new Date(from), new Date(to)),
        ]);
        const shown = first?.[0]?.getTime();
        if (shown !== next[0]?.getTime())
          wrong.push(`${pattern} in ${timezone}: next ${next[0]}, fires ${shown}`);
        if (fires === null) return;
        const ours = expectedFires(pattern, timezone, from, to);
        const theirs = fires.map((time) => time.getTime());
        if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
          wrong.push(
            `${pattern} in ${timezone} from ${new Date(from).toISOString()}: ${ours.length}, ${theirs.length}`,
          );
        }
      });
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  }, 180_000);

  test.each([
    ['30 2 * * *', 'Europe/Paris', ['02:30 is left out']],
    ['*/30 2 * * *', 'Europe/Paris', ['02:00 and 02:30 are left out', '02:30 is moved to 03:30']],
    ['*/30 * * * *', 'Europe/Paris', ['02:00 and 02:30 are left out once']],
    ['30 1 * * *', 'America/New_York', ['01:30 runs twice']],
    ['*/30 * * * *', 'America/New_York', []],
    ['0 12 * * *', 'Europe/Paris', []],
    ['15 2 * * *', 'Australia/Lord_Howe', ['02:15 is moved to 02:45']],
  ])(
    '%s in %s is said to be odd on its days of clock changes as Temporal computes it: %j',
    async (pattern, timezone, said) => {
      const from = new Date('2027-01-01T00:00:00Z');
      const to = new Date('2028-01-01T00:00:00Z');
      const notices = await withSchedule(pattern, timezone, (id) =>
        dstNotices(parsePattern(pattern), timezone, { from, to }, (first, last) =>
          matchingTimes(link, id, first, last),
        ),
      );
      expect(notices.map((line) => line.replace(/^.* go (forward|back), /, ''))).toEqual(said);
    },
  );
});
