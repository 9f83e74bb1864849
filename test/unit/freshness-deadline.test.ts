import { describe, expect, test } from 'vitest';
import { nextCertainFire } from '../../cron/next-fire.ts';
import { parsePattern } from '../../cron/pattern.ts';
import { deadlineOf, type GoodBackup, type WatchedSchedule } from '../../freshness/deadline.ts';

const at = (text: string) => Date.parse(text);
const iso = (instant: number | null | undefined) =>
  instant === null || instant === undefined ? null : new Date(instant).toISOString().replace(':00.000Z', 'Z');
const next = (pattern: string, zone: string, after: string) =>
  iso(nextCertainFire(parsePattern(pattern), zone, at(after)));

describe('the next fire of a pattern that is certain', () => {
  test.each([
    ['30 2 * * *', 'UTC', '2026-03-04T02:29:59Z', '2026-03-04T02:30Z'],
    ['30 2 * * *', 'UTC', '2026-03-04T02:30:00Z', '2026-03-05T02:30Z'],
    ['30 2 * * *', 'Asia/Tokyo', '2026-03-04T00:00:00Z', '2026-03-04T17:30Z'],
    ['30 2 * * *', 'America/Los_Angeles', '2026-01-04T10:00:00Z', '2026-01-04T10:30Z'],
    ['30 2 * * 1-5', 'Europe/Paris', '2026-03-06T01:30:05Z', '2026-03-09T01:30Z'],
    ['0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', '2028-02-29T00:00Z'],
    ['0 0 29 2 *', 'UTC', '2096-03-01T00:00:00Z', '2104-02-29T00:00Z'],
    ['59 23 31 12 *', 'Pacific/Kiritimati', '2026-12-31T09:58:00Z', '2026-12-31T09:59Z'],
    ['*/5 * * * *', 'Asia/Kathmandu', '2026-05-05T05:04:00Z', '2026-05-05T05:05Z'],
  ])('%s in %s after %s is %s', (pattern, zone, after, expected) => {
    expect(next(pattern, zone, after)).toBe(expected);
  });

  test('is not one that a change of the clocks loses, moves or repeats', () => {
    // In Paris the clocks go forward on 29 March 2026 and back on 25 October.
    expect(next('30 2 * * *', 'Europe/Paris', '2026-03-28T12:00:00Z')).toBe('2026-03-30T00:30Z');
    expect(next('30 2 * * *', 'Europe/Paris', '2026-10-24T12:00:00Z')).toBe('2026-10-26T01:30Z');
    expect(next('*/30 * * * *', 'Europe/Paris', '2026-10-24T21:59:00Z')).toBe('2026-10-25T04:00Z');
    expect(next('0 12 * * *', 'Europe/Paris', '2026-03-28T12:00:00Z')).toBe('2026-03-29T10:00Z');
  });
});

const nightly: WatchedSchedule = {
  id: 'a',
  name: 'nightly',
  instanceId: 'i',
  pattern: '30 2 * * *',
  timezone: 'UTC',
  jitter: 0,
  paused: false,
  deleted: false,
  maxAge: undefined,
  activeSince: at('2026-01-01T00:00:00Z'),
  changedAt: at('2026-01-01T00:00:00Z'),
};
const instance = { maxAge: undefined, createdAt: at('2026-01-01T00:00:00Z') };
const hour = 3_600_000;
const backup = (started: string, hours = 0): GoodBackup => ({
  id: 'b',
  startedAt: at(started),
  finishedAt: at(started) + hours * hour,
});
const due = (schedules: WatchedSchedule[], good: GoodBackup | null, of: object = instance) =>
  iso(deadlineOf(of as typeof instance, schedules, good)?.at);

describe('the deadline of the next good backup', () => {
  test('is the next fire and a quarter of the time to the one after it, at most six hours', () => {
    expect(due([nightly], backup('2026-03-04T02:30:05Z'))).toBe('2026-03-05T08:30Z');
    const hourly = { ...nightly, pattern: '0 * * * *' };
    expect(due([hourly], backup('2026-03-04T02:00:05Z'))).toBe('2026-03-04T03:15Z');
  });

  test('gives a backup twice the time that the last one took, and the jitter', () => {
    expect(due([nightly], backup('2026-03-04T02:30:05Z', 5))).toBe('2026-03-05T18:30Z');
    expect(due([{ ...nightly, jitter: hour }], backup('2026-03-04T02:30:05Z'))).toBe('2026-03-05T09:30Z');
  });

  test('of a pattern of working days does not fall into the weekend, and a lost Tuesday is noticed on Tuesday', () => {
    const weekdays = { ...nightly, pattern: '30 2 * * 1-5' };
    expect(due([weekdays], backup('2026-03-06T02:30:05Z'))).toBe('2026-03-09T08:30Z');
    expect(due([weekdays], backup('2026-03-09T02:30:05Z'))).toBe('2026-03-10T08:30Z');
  });

  test('is counted from when the schedule began to fire, where there is no backup yet or the pattern is new', () => {
    expect(due([nightly], null)).toBe('2026-01-01T08:30Z');
    expect(due([{ ...nightly, pattern: '0 * * * *' }], null)).toBe('2026-01-01T02:00Z');
    const changed = { ...nightly, activeSince: at('2026-03-10T12:00:00Z') };
    expect(due([changed], backup('2026-03-04T02:30:05Z'))).toBe('2026-03-11T08:30Z');
    expect(iso(deadlineOf(instance, [changed], backup('2026-03-04T02:30:05Z'), { strict: true })?.at)).toBe(
      '2026-03-05T08:30Z',
    );
  });

  test('is the strictest of the schedules that there are; a deleted one counts only where it was the last', () => {
    const hourly = { ...nightly, id: 'h', pattern: '0 * * * *', changedAt: at('2026-02-01T00:00:00Z') };
    const good = backup('2026-03-04T02:30:05Z');
    expect(due([nightly, hourly], good)).toBe('2026-03-04T03:15Z');
    expect(due([nightly, { ...hourly, deleted: true }], good)).toBe('2026-03-05T08:30Z');
    expect(
      due(
        [
          { ...nightly, deleted: true },
          { ...hourly, deleted: true },
        ],
        good,
      ),
    ).toBe('2026-03-04T03:15Z');
    expect(due([{ ...nightly, paused: true }], good)).toBe('2026-03-05T08:30Z');
  });

  test('is the age that somebody set, for the instance before its schedules; none is not watched', () => {
    const good = backup('2026-03-04T02:30:00Z');
    expect(due([nightly], good, { ...instance, maxAge: 26 * hour })).toBe('2026-03-05T04:30Z');
    expect(due([nightly], good, { ...instance, maxAge: null })).toBeNull();
    expect(due([{ ...nightly, maxAge: hour }], good)).toBe('2026-03-04T03:30Z');
    expect(due([{ ...nightly, maxAge: null }], good)).toBeNull();
    expect(due([], null, { ...instance, maxAge: hour })).toBe('2026-01-01T01:00Z');
    expect(due([], good)).toBeNull();
  });
});
