import { expect, test } from 'vitest';
import { workbookKey } from '../../repository/workbook-copy.ts';

test.each(['trove', 'a.b', 'workflow.a', 'ä/ö ü', '..', '%2E', '__proto__'])(
  'the workbook, the workflow and the action %j have keys of their own, from which their names come back',
  (name) => {
    const kinds = ['workbook', 'workflow', 'action'] as const;
    const keys = kinds.map((kind) => workbookKey.of(name, kind));
    expect(new Set(keys).size).toBe(3);
    for (const [at, kind] of kinds.entries()) {
      expect(workbookKey.parse(keys[at] ?? '')).toEqual({ kind, name });
      expect(keys[at]).toMatch(/^[^/]+$/);
      expect(keys[at]).not.toMatch(/^\.+$/);
    }
  },
);

test('no workbook has the key of a workflow of another name', () => {
  expect(workbookKey.of('workflow.a')).not.toBe(workbookKey.of('a', 'workflow'));
});
