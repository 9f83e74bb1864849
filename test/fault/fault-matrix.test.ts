import { afterAll, beforeAll, expect, test } from 'vitest';
import { openWorld } from '../../prove/faults/open-world.ts';
import { planWith } from '../../prove/faults/plan.ts';
import { kinds } from '../../prove/faults/registry.ts';
import { Arena, closeArena, runPlan } from '../../prove/faults/run.ts';

/**
 * Twenty faults of the matrix that are over soon, several to a run; `npm run prove -- faults` does a thousand. What a run
 * has to be afterwards is in docs/faults.md.
 */
const runs: readonly (readonly string[])[] = [
  ['zstd-exit-0-cut', 'pg_dump-kill', 'source-terminate-backend', 'temporal-stop'],
  ['zstd-exit-1-late', 'pg_dump-exit-0-cut', 'source-reset', 'us-no-descriptors'],
  ['tee-kill', 'zstd-term', 'source-table-dropped', 'temporal-database-locked'],
  ['pg_restore-kill', 'source-table-altered', 'us-sigterm', 'temporal-kill'],
  ['pg_dump-stderr-flood', 'tee-exit-0-early', 'source-password-changed', 'us-worker-stop'],
];

let arena: Arena;
beforeAll(async () => {
  arena = new Arena(await openWorld('directory'));
}, 60_000);
afterAll(async () => {
  if (arena !== undefined) await closeArena(arena);
});

test.each(runs.map((names, index) => ({ names, index })))(
  'no invariant is violated by $names',
  async ({ names, index }) => {
    const chosen = names.map((name) => {
      const kind = kinds.find((each) => each.name === name);
      if (kind === undefined) throw new Error(`there is no kind of fault ${name}`);
      return kind;
    });
    const { violations, faults } = await runPlan(arena, planWith(20, index, 'directory', chosen));
    expect(violations).toEqual([]);
    // A machine that is busy may be past the victim of one or the other.
    expect(faults.length).toBeGreaterThan(0);
  },
  180_000,
);
