import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { references } from '../../scripts/reference/references.ts';

test.each(
  (await references()).map(({ path, text }) => [path.replace(/^.*\/(docs|deploy)\//, '$1/'), path, text]),
)('%s is what `node scripts/generate-reference.ts` writes', async (_name, path, text) => {
  expect(await readFile(path, 'utf8')).toBe(text);
});
