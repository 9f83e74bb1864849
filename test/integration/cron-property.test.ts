import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { concurrently } from '../../client/concurrently.ts';
import { connectTemporal, type TemporalLink } from '../../client/connection.ts';
import { matchingTimes } from '../../client/matching-times.ts';
import { dstNotices } from '../../cron/dst.ts';
import { nextCertainFire } from '../../cron/next-fire.ts';
import { checkPattern, parsePattern } from '../../cron/pattern.ts';
import { clockChanges } from '../../cron/wall-clock.ts';
import { differenceFrom, makePattern, withSchedule } from '../fixtures/cron-patterns.ts';
import { generator } from '../fixtures/random.ts';
import { startTemporal, type TemporalServer } from '../servers/temporal.ts';

const PATTERNS = 2_000;
const DAY = 86_400_000;
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

const seed = Number(process.env.BACKUPCTL_TEST_SEED ?? 20160614);

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
    await concurrently(accepted, 16, async (each) => {
      const difference = await differenceFrom(link, each);
      if (difference !== null) wrong.push(difference);
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  }, 400_000);

  test(`that a backup is held to are fires of Temporal, also around changes of the clocks (seed ${seed})`, async () => {
    const random = generator(seed + 1);
    const cases: { pattern: string; timezone: string; after: number }[] = [];
    for (const timezone of zones) {
      const changes = clockChanges(timezone, Date.now(), Date.now() + 730 * DAY);
      for (let made = 0; made < 15; ) {
        const pattern = random() < 0.2 ? `*/${5 + Math.floor(random() * 20)} * * * *` : makePattern(random);
        if (
          await checkPattern(pattern).then(
            () => false,
            () => true,
          )
        )
          continue;
        const change = changes[made % Math.max(1, changes.length)]?.at ?? Date.now();
        cases.push({ pattern, timezone, after: Math.round(change + (random() - 0.8) * 2 * DAY) });
        made += 1;
      }
    }
    const wrong: string[] = [];
    await concurrently(cases, 16, async ({ pattern, timezone, after }) => {
      const certain = nextCertainFire(parsePattern(pattern), timezone, after);
      if (certain === null) return;
      const fires = await withSchedule(link, pattern, timezone, (id) =>
        matchingTimes(link, id, new Date(after), new Date(Math.min(certain, after + 3 * DAY))),
      );
      const what = `${pattern} in ${timezone} after ${new Date(after).toISOString()}`;
      if (certain <= after + 3 * DAY && fires.at(-1)?.getTime() !== certain) wrong.push(`${what}: no fire`);
      // What is passed over is near to a change of the clocks.
      for (const fire of fires.map((time) => time.getTime())) {
        if (fire === certain) continue;
        if (clockChanges(timezone, fire - DAY, fire + DAY).length === 0) wrong.push(`${what}: passed over`);
      }
    });
    expect(wrong.slice(0, 10)).toEqual([]);
  }, 120_000);

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
      const notices = await withSchedule(link, pattern, timezone, (id) =>
        dstNotices(parsePattern(pattern), timezone, { from, to }, (first, last) =>
          matchingTimes(link, id, first, last),
        ),
      );
      expect(notices.map((line) => line.replace(/^.* go (forward|back), /, ''))).toEqual(said);
    },
  );
});
