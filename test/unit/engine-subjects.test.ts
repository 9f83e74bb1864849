import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { engineEntries } from '../../engines/registry.ts';
import { subjects } from '../conformance/engines/all.ts';
import { projectRoot } from '../servers/cache.ts';

test('every engine of the registry runs through the suite of all engines, and has a page', () => {
  expect(subjects.map(({ engine }) => engine).sort()).toEqual(engineEntries.map(({ name }) => name).sort());
  for (const { name } of engineEntries) {
    expect(existsSync(new URL(`../conformance/engine-${name}.test.ts`, import.meta.url)), name).toBe(true);
    expect(existsSync(new URL(`../../docs/engines/${name}.md`, import.meta.url)), name).toBe(true);
  }
});

test('nothing outside of its folder knows an engine by its name, but for the registry', () => {
  const names = engineEntries.map(({ name }) => name).join('|');
  const known = new RegExp(
    `from '[^']*engines/(?:${names})/|import\\('[^']*engines/(?:${names})/|['"](?:${names})['"]`,
  );
  const folders = 'activities,client,cli,config,cron,freshness,repository,server,worker,workflows';
  const files = globSync(`{${folders}}/**/*.ts`, { cwd: projectRoot });
  expect(files.length).toBeGreaterThan(100);
  const found = files.filter((file) => known.test(readFileSync(join(projectRoot, file), 'utf8')));
  expect(found).toEqual([]);
  // It would be found.
  expect(known.test(`import { dump } from '../engines/${engineEntries[0]?.name}/dump.ts'`)).toBe(true);
});
