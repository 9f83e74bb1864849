import { afterAll, beforeAll, expect, test } from 'vitest';
import { generator } from '../fixtures/random.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { comparableCases, runCases, strike } from '../workbooks/many-runs.ts';
import { WorkbookRuns } from '../workbooks/workbook-runs.ts';

/**
 * Some of the cases of `test/workbooks` on the platform as it runs; `npm run prove -- workbook-kills` does so with all of
 * them, and with many more kills.
 */
let platform: Platform;
let runs: WorkbookRuns;

beforeAll(async () => {
  platform = await startPlatform();
  runs = new WorkbookRuns(platform);
});
afterAll(async () => {
  await runs?.close();
  await platform?.stop();
});

test('a run comes out as in Mistral, on the platform as it runs', async () => {
  const cases = comparableCases().filter((_, at) => at % 8 === 3);
  expect(cases.length).toBeGreaterThan(80);
  expect(await runCases(platform, runs, cases, { prefix: 'calm', width: 16 })).toEqual([]);
});

test('a run comes out the same where the platform is killed meanwhile, and leaves nothing open', async () => {
  const random = generator(7);
  const cases = comparableCases().filter(({ one }, at) => one.script.length === 0 && at % 20 === 11);
  expect(cases.length).toBeGreaterThan(20);
  const running = runCases(platform, runs, cases, { prefix: 'struck', width: 30 });
  const striking = strike(platform, running, random, 2);
  expect(await running).toEqual([]);
  expect(await striking).toBeGreaterThan(0);
  expect(await runs.openAfterCancel()).toEqual([]);
});
