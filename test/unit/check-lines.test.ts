import { expect, test } from 'vitest';
import { checkLines } from '../../cli/views/status.ts';

const now = new Date('2026-03-04T12:00:00Z');
const instance = (name: string, lastBackupAt: Date | null, watched = true) => ({
  id: name,
  name,
  watched,
  stale: false,
  reason: null,
  lastBackupAt,
  dueAt: null,
  maxAge: null,
});
const linesOf = (...instances: ReturnType<typeof instance>[]) =>
  checkLines({ location: 'file:///backups', instances }, now);

test('a monitor says OK of the oldest, and beside it of which instances nothing is there yet', () => {
  const hourly = instance('hourly', new Date('2026-03-04T11:00:00Z'));
  expect(linesOf(hourly)).toEqual([
    'backupctl OK - 1 instance is fresh, the oldest newest backup is of 1h ago',
  ]);
  expect(linesOf(hourly, instance('new', null), instance('other', null, false))).toEqual([
    'backupctl OK - 2 instances are fresh, the oldest newest backup is of 1h ago; 1 without any backup yet, whose first is not due; 1 not watched',
  ]);
  expect(linesOf(instance('new', null))).toEqual([
    'backupctl OK - 1 instance is fresh; 1 without any backup yet, whose first is not due',
  ]);
});
