import { describe, expect, test } from 'vitest';
import { parseAs } from '../../../workbooks/language/check.ts';
import { loadValidationRecords, loadValidations, validationTopics } from '../../workbooks/validations.ts';

const topics = validationTopics().map((topic) => ({
  topic,
  cases: loadValidations(topic),
  records: loadValidationRecords(topic),
}));

describe.each(topics)('of $topic', ({ cases, records }) => {
  test.each(cases)('$name', ({ name, text, kind }) => {
    const record = records[name];
    const { faults } = parseAs(text, kind);
    const says = faults.map(({ line, column, key, message }) => `${line}:${column}: ${key}: ${message}`);
    expect(says).toEqual(record?.says);
  });

  test('what Mistral accepts is accepted, and what it refuses is refused, other than for a reason', () => {
    const differing = Object.entries(records).filter(
      ([, { accepted, says, differs }]) => accepted === says.length > 0 && !differs,
    );
    expect(differing).toEqual([]);
    expect(Object.keys(records)).toEqual(cases.map(({ name }) => name));
  });
});

test('more than 150 refusals are among the cases', () => {
  const refused = topics.flatMap(({ records }) => Object.values(records).filter(({ accepted }) => !accepted));
  expect(refused.length).toBeGreaterThan(150);
});
