import { describe, expect, test } from 'vitest';
import { loadCases, loadRecords, topics } from '../../workbooks/cases.ts';
import { differences, knownDifferences } from '../../workbooks/compare.ts';
import { runInProcess } from '../../workbooks/in-process.ts';

/** What Mistral did with each case is recorded beside it, by prove/workbooks/record.ts. */
describe.each(topics())('of %s, a run comes out as in Mistral:', (topic) => {
  const records = loadRecords(topic);
  test.each(loadCases(topic).map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const record = records[name];
    if (record === undefined) throw new Error('not recorded: node prove/workbooks/record.ts');
    const found = differences(record, await runInProcess(one));
    if (knownDifferences[one.id] === undefined) expect(found).toEqual([]);
    else expect(found, 'it differs no more: take it out of the known differences').not.toEqual([]);
  });
});

test('every known difference is one of a case', () => {
  const ids = new Set(loadCases().map(({ id }) => id));
  expect(Object.keys(knownDifferences).filter((id) => !ids.has(id))).toEqual([]);
});

test('there are more than 250 cases that run, and each has a record', () => {
  const records = topics().flatMap((topic) => Object.entries(loadRecords(topic)));
  expect(records.length).toBe(loadCases().length);
  expect(records.filter(([, record]) => 'state' in record).length).toBeGreaterThan(250);
});
