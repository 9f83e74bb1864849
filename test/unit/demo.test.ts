import { expect, test } from 'vitest';
import { engineEntries } from '../../engines/registry.ts';
import { subjects } from '../../scripts/demo/subjects.ts';

test('the demo can be had for every engine, and says of each what to try next', async () => {
  expect(Object.keys(subjects).sort()).toEqual(engineEntries.map(({ name }) => name).sort());
  for (const { name, schemes } of engineEntries) {
    const subject = await subjects[name]?.();
    expect(subject?.next.instance, name).toMatch(new RegExp(`^--url (${schemes.join('|')})://`));
  }
});
