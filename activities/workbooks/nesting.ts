import type { Value } from '../../workbooks/expressions/value.ts';

/** Levels of lists and dictionaries: what looks at them one within the other has to get to the bottom. */
export const deepest = 500;

/** Whether there are more. Looked at level by level, so that no depth is too much for this. */
export function isTooDeep(value: Value): boolean {
  let level: readonly Value[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) return true;
    level = level.flatMap((item): readonly Value[] =>
      typeof item === 'object' && item !== null ? (Object.values(item) as Value[]) : [],
    );
  }
  return false;
}
