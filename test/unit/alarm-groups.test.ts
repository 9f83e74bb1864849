import { describe, expect, test } from 'vitest';
import type { Alarm } from '../../activities/alarms.ts';
import { AlarmGroups } from '../../workflows/alarm-groups.ts';

const second = 1000;
const hour = 3600 * second;
const settings = { group_window: 30, repeat: 86_400 };
let made = 0;
const failure = (subject: string, more: Partial<Alarm> = {}): Alarm => {
  made += 1;
  return {
    kind: 'failure',
    subject,
    reason: 'Backup failed: the store does not answer',
    cause: 'unavailable',
    executionId: `execution-${made}`,
    at: new Date(made).toISOString(),
    ...more,
  };
};

/** Raises alarms at their times (milliseconds) and takes what is due, each second. @returns times and counts of messages */
function told(alarms: [at: number, alarm: Alarm][], until: number, groups = new AlarmGroups(null)) {
  const messages: { at: number; kind: string; count: number; subjects: string[] }[] = [];
  const waiting = alarms.toSorted(([a], [b]) => a - b);
  for (let now = 0; now <= until; now += second) {
    for (const message of groups.takeDue(now)) {
      const { kind, count, subjects } = message;
      messages.push({ at: now / second, kind, count, subjects });
    }
    while (waiting[0] !== undefined && waiting[0][0] <= now) {
      const [, alarm] = waiting.shift() as [number, Alarm];
      groups.take({ alarm, ...settings }, now);
    }
  }
  return messages;
}

describe('alarms of one cause', () => {
  test('that come within the window make one message, which counts them and names the first', () => {
    const alarms = Array.from({ length: 500 }, (_, n): [number, Alarm] => [n * 50, failure(`shop-${n}`)]);
    const [message, ...others] = told(alarms, 600 * second);
    expect(message).toMatchObject({ at: 30, count: 500 });
    expect(message?.subjects.slice(0, 3)).toEqual(['shop-0', 'shop-1', 'shop-2']);
    expect(message?.subjects.length).toBe(20);
    expect(others).toEqual([]);
  });

  test('that keep coming for hours make ever fewer messages, at most one an hour', () => {
    const alarms = Array.from({ length: 500 }, (_, n): [number, Alarm] => [
      n * 60 * second,
      failure(`shop-${n}`),
    ]);
    const messages = told(alarms, 9 * hour);
    expect(messages.length).toBeLessThan(16);
    expect(messages.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(490 - 60);
  });

  test('are told apart from those of another cause or kind', () => {
    const messages = told(
      [
        [0, failure('a')],
        [0, failure('b', { cause: 'credentials' })],
        [0, failure('c', { kind: 'stale' })],
      ],
      60 * second,
    );
    expect(messages.map(({ subjects }) => subjects)).toEqual([['a'], ['b'], ['c']]);
  });
});

describe('the same of the same', () => {
  const reason = (n: number) => ({ reason: `Backup failed: session ${n} of ${crypto.randomUUID()} is gone` });

  test('is told once a day, whatever figures and ids are in its words', () => {
    const alarms = Array.from({ length: 30 }, (_, n): [number, Alarm] => [n * hour, failure('a', reason(n))]);
    expect(told(alarms, 30 * hour).map(({ at }) => Math.round(at / 3600))).toEqual([0, 22]);
  });

  test('is told again after something went well', () => {
    const groups = new AlarmGroups(null);
    expect(told([[0, failure('a')]], 60 * second, groups)).toHaveLength(1);
    expect(told([[0, failure('a')]], 60 * second, groups)).toEqual([]);
    groups.forgive(['a']);
    expect(told([[0, failure('a')]], 120 * second, groups)).toHaveLength(1);
  });

  test('with another reason is news', () => {
    const other = failure('a', { reason: 'Backup failed: password authentication failed' });
    expect(
      told(
        [
          [0, failure('a')],
          [100 * second, other],
        ],
        300 * second,
      ),
    ).toHaveLength(2);
  });

  test('raised twice by a step that was tried again counts once', () => {
    const alarm = failure('a');
    expect(
      told(
        [
          [0, alarm],
          [second, alarm],
          [200 * second, alarm],
        ],
        900 * second,
      ),
    ).toMatchObject([{ count: 1 }]);
  });
});

test('each change is told, however soon: stale, recovered, stale', () => {
  const change = (kind: 'stale' | 'recovered') => failure('a', { kind, cause: 'late', executionId: null });
  const messages = told(
    [
      [0, change('stale')],
      [200 * second, change('recovered')],
      [400 * second, change('stale')],
    ],
    900 * second,
  );
  expect(messages.map(({ kind }) => kind)).toEqual(['stale', 'recovered', 'stale']);
});

test('a condition that was over is told again when it comes back the same day', () => {
  const debt = (kind: 'copy_debt' | 'recovered') =>
    failure('offsite', { kind, reason: 'it lacks 3 backups', cause: 'offsite', executionId: null });
  const messages = told(
    [
      [0, debt('copy_debt')],
      [100 * second, debt('copy_debt')],
      [200 * second, debt('recovered')],
      [400 * second, debt('copy_debt')],
    ],
    900 * second,
  );
  expect(messages.map(({ kind }) => kind)).toEqual(['copy_debt', 'recovered', 'copy_debt']);
});

test('what continues in the next run of the workflow fits into it, and is the same', () => {
  const groups = new AlarmGroups(null);
  for (let n = 0; n < 5_000; n += 1) groups.take({ alarm: failure(`instance-number-${n}`), ...settings }, 0);
  const bytes = JSON.stringify(groups.state);
  expect(bytes.length).toBeLessThan(1_000_000);
  const next = new AlarmGroups(JSON.parse(bytes));
  expect(next.next()).toBe(30 * second);
  expect(next.takeDue(31 * second)).toMatchObject([{ count: 2000 }]);
});

test('it ends once everything would be told anew', () => {
  const groups = new AlarmGroups(null);
  groups.take({ alarm: failure('a'), ...settings }, 0);
  groups.takeDue(30 * second);
  expect(groups.next()).toBe(30 * second + 24 * hour);
  groups.takeDue(30 * second + 24 * hour);
  expect(groups.next()).toBeNull();
});
