import { describe, expect, test } from 'vitest';
import { cellText, utc, utcMicroseconds } from '../../cli/output/cell.ts';
import { renderProperties, renderTable } from '../../cli/output/table.ts';
import { displayWidth } from '../../cli/output/width.ts';
import { createdScheduleProperties, shownScheduleProperties } from '../../cli/views/schedule.ts';
import { toDocument } from '../../client/snake-case.ts';
import type { Schedule } from '../../client/types.ts';

const instance = '5328f62a-d999-4be3-90bb-83cc6af4469c';
const schedule: Schedule = {
  id: 'fb149a29-be9b-49c1-a2f7-ca6c1213896f',
  name: 'myback',
  description: null,
  instance,
  workflow: null,
  instanceName: 'm',
  pattern: '*/2 * * * *',
  timezone: 'UTC',
  nextExecutionTime: new Date('2016-06-14T07:48:00Z'),
  parentId: null,
  incremental: false,
  input: { instance, description: null, parent_id: null, name: 'myback' },
  paused: false,
  note: null,
  overlap: 'skip',
  onBusy: 'wait',
  catchupWindow: 86_400,
  jitter: 0,
  hooks: [],
  keepLast: null,
  maxAge: null,
  activeSince: new Date('2016-06-14T14:47:16.865Z'),
  createdAt: new Date('2016-06-14T14:47:16.865Z'),
  updatedAt: new Date('2016-06-14T14:49:59Z'),
};

/** The rows that are printed by default. */
function shown(properties: ReturnType<typeof createdScheduleProperties>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([, { show, isDefault }]) => show === 'always' || (show === 'set' && !isDefault))
      .map(([name, { value }]) => [name, value]),
  );
}

describe('the tables of Trove', () => {
  test('schedule-create prints eight rows, JSON as Python writes it, and the time of creation with microseconds', () => {
    expect(renderProperties(shown(createdScheduleProperties(schedule)))).toBe(`\
+---------------------+----------------------------------------------------------------------------------------------------------------+
| Property            | Value                                                                                                          |
+---------------------+----------------------------------------------------------------------------------------------------------------+
| created_at          | 2016-06-14 14:47:16.865000                                                                                     |
| id                  | fb149a29-be9b-49c1-a2f7-ca6c1213896f                                                                           |
| input               | {"instance": "5328f62a-d999-4be3-90bb-83cc6af4469c", "description": null, "parent_id": null, "name": "myback"} |
| instance            | 5328f62a-d999-4be3-90bb-83cc6af4469c                                                                           |
| name                | myback                                                                                                         |
| next_execution_time | 2016-06-14 07:48:00                                                                                            |
| parent_id           | None                                                                                                           |
| pattern             | */2 * * * *                                                                                                    |
+---------------------+----------------------------------------------------------------------------------------------------------------+`);
  });

  test('schedule-show adds updated_at and leaves the fraction out', () => {
    const rows = { ...schedule, nextExecutionTime: new Date('2016-06-14T07:52:00Z') };
    expect(renderProperties(shown(shownScheduleProperties(rows)))).toBe(`\
+---------------------+----------------------------------------------------------------------------------------------------------------+
| Property            | Value                                                                                                          |
+---------------------+----------------------------------------------------------------------------------------------------------------+
| created_at          | 2016-06-14 14:47:16                                                                                            |
| id                  | fb149a29-be9b-49c1-a2f7-ca6c1213896f                                                                           |
| input               | {"instance": "5328f62a-d999-4be3-90bb-83cc6af4469c", "description": null, "parent_id": null, "name": "myback"} |
| instance            | 5328f62a-d999-4be3-90bb-83cc6af4469c                                                                           |
| name                | myback                                                                                                         |
| next_execution_time | 2016-06-14 07:52:00                                                                                            |
| parent_id           | None                                                                                                           |
| pattern             | */2 * * * *                                                                                                    |
| updated_at          | 2016-06-14 14:49:59                                                                                            |
+---------------------+----------------------------------------------------------------------------------------------------------------+`);
  });

  test('schedule-list prints four columns', () => {
    const next = new Date('2016-06-14T07:50:00Z');
    const row = [schedule.id, schedule.name, schedule.pattern, next];
    expect(renderTable(['ID', 'Name', 'Pattern', 'Next Execution Time'], [row])).toBe(`\
+--------------------------------------+--------+-------------+---------------------+
| ID                                   | Name   | Pattern     | Next Execution Time |
+--------------------------------------+--------+-------------+---------------------+
| fb149a29-be9b-49c1-a2f7-ca6c1213896f | myback | */2 * * * * | 2016-06-14 07:50:00 |
+--------------------------------------+--------+-------------+---------------------+`);
  });

  test('execution-list prints four columns, the output as JSON', () => {
    const output = { status: 'Backup complete' };
    const rows = [
      ['38ef2289-4330-4554-8574-4b5351f69713', new Date('2016-06-14T14:49:59Z'), 'SUCCESS', output],
      ['3713355a-b65e-44e0-ac43-150b863a6e6e', new Date('2016-06-14T14:51:59Z'), 'SUCCESS', output],
    ];
    expect(renderTable(['ID', 'Execution Time', 'State', 'Output'], rows)).toBe(`\
+--------------------------------------+---------------------+---------+-------------------------------+
| ID                                   | Execution Time      | State   | Output                        |
+--------------------------------------+---------------------+---------+-------------------------------+
| 38ef2289-4330-4554-8574-4b5351f69713 | 2016-06-14 14:49:59 | SUCCESS | {"status": "Backup complete"} |
| 3713355a-b65e-44e0-ac43-150b863a6e6e | 2016-06-14 14:51:59 | SUCCESS | {"status": "Backup complete"} |
+--------------------------------------+---------------------+---------+-------------------------------+`);
  });

  test('an empty list is a header between rules', () => {
    expect(renderTable(['ID', 'Name'], [])).toBe(
      '+----+------+\n| ID | Name |\n+----+------+\n+----+------+',
    );
  });
});

test('what is not the default stands in further rows', () => {
  const names = Object.keys(
    shown(
      createdScheduleProperties({ ...schedule, timezone: 'Europe/Paris', catchupWindow: 5400, paused: true }),
    ),
  );
  expect(names).toHaveLength(11);
  expect(names).toEqual(expect.arrayContaining(['timezone', 'catchup_window', 'paused']));
});

test('wide, combining and joined letters take the columns that a terminal gives them', () => {
  expect(displayWidth('数据库')).toBe(6);
  expect(displayWidth('e\u0301a')).toBe(2);
  expect(displayWidth('👩‍👩‍👧')).toBe(2);
  expect(displayWidth('ｱ')).toBe(1);
  expect(renderTable(['N'], [['数据'], ['ab']])).toBe(
    ['+------+', '| N    |', '+------+', '| 数据 |', '| ab   |', '+------+'].join('\n'),
  );
});

test('a name with control characters forges no row, no colour and no direction', () => {
  const table = renderTable(
    ['Name'],
    [['a |\n| forged'], ['\u001b[31mred'], ['x\u202eyz'], ['\u0085\u2028\r']],
  );
  expect(table.split('\n')).toHaveLength(8);
  expect(table).toContain('a |\\n| forged');
  expect(table).toContain('\\x1b[31mred');
  expect(table).toContain('x\\u202eyz');
  expect(table).toContain('\\x85\\u2028\\r');
  expect(new Set(table.split('\n').map(displayWidth)).size).toBe(1);
});

test('cells: None for nothing, True and False, UTC, Python JSON with letters as they are', () => {
  expect([null, undefined, true, false, 0, ''].map(cellText)).toEqual([
    'None',
    'None',
    'True',
    'False',
    '0',
    '',
  ]);
  expect(cellText({ a: [1, 'ä"', { b: null }], c: undefined })).toBe('{"a": [1, "ä\\"", {"b": null}]}');
  const time = new Date('2026-03-29T02:30:00.120+02:00');
  expect(utc(time)).toBe('2026-03-29 00:30:00');
  expect(utcMicroseconds(time)).toBe('2026-03-29 00:30:00.120000');
});

test('documents have snake_case keys and ISO times, and leave the keys of data alone', () => {
  expect(
    toDocument({
      nextExecutionTime: new Date(0),
      nested: [{ backupId: undefined }],
      input: { parent_id: null, fooBar: 1 },
      facts: { someRole: 1 },
    }),
  ).toEqual({
    next_execution_time: '1970-01-01T00:00:00.000Z',
    nested: [{ backup_id: null }],
    input: { parent_id: null, fooBar: 1 },
    facts: { someRole: 1 },
  });
});
