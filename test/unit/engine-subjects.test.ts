import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { engineEntries } from '../../engines/registry.ts';
import { subjects } from '../conformance/engines/all.ts';

test('every engine of the registry runs through the suite of all engines, and has a page', () => {
  expect(subjects.map(({ engine }) => engine).sort()).toEqual(engineEntries.map(({ name }) => name).sort());
  for (const { name } of engineEntries) {
    expect(existsSync(new URL(`../conformance/engine-${name}.test.ts`, import.meta.url)), name).toBe(true);
    expect(existsSync(new URL(`../../docs/engines/${name}.md`, import.meta.url)), name).toBe(true);
  }
});
