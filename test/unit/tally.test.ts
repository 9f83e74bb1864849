import { describe, expect, test } from 'vitest';
import { countTests, failedFiles, summary, type Tally, withSecond } from '../../scripts/tally.ts';

function count(
  files: { status: string; tests: string[] }[] | undefined,
  exitCode: number,
): [string, string[]] {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  const report =
    files === undefined
      ? undefined
      : JSON.stringify({
          testResults: files.map(({ status, tests }, at) => ({
            name: `file${at}.test.ts`,
            status,
            message: status === 'failed' ? 'cannot be loaded\nat …' : '',
            assertionResults: tests.map((each) => ({ status: each })),
          })),
        });
  const problems = countTests(report, exitCode, tally);
  return [summary(tally), problems];
}

describe('the count at the end of npm test', () => {
  test('does not take a skipped test for a passed one', () => {
    const tests = ['passed', 'passed', 'pending', 'todo', 'skipped'];
    expect(count([{ status: 'passed', tests }], 0)).toEqual(['2 passed, 0 failed, 3 skipped', []]);
  });

  test('counts failed tests once', () => {
    expect(count([{ status: 'failed', tests: ['passed', 'failed', 'failed'] }], 1)).toEqual([
      '1 passed, 2 failed',
      [],
    ]);
  });

  test('counts a file that could not be loaded as a failure', () => {
    const files = [
      { status: 'passed', tests: ['passed'] },
      { status: 'failed', tests: [] },
    ];
    expect(count(files, 1)).toEqual(['1 passed, 1 failed', ['file1.test.ts: cannot be loaded']]);
  });

  test('counts an error outside of every test, a crash without a report, and a run without tests as failures', () => {
    expect(count([{ status: 'passed', tests: ['passed'] }], 1)[0]).toBe('1 passed, 1 failed');
    expect(count(undefined, 134)[0]).toBe('0 passed, 1 failed');
    expect(count([], 0)[0]).toBe('0 passed, 1 failed');
    expect(count([{ status: 'passed', tests: ['skipped'] }], 0)[0]).toBe('0 passed, 1 failed, 1 skipped');
  });
});

test('a second run counts for the files that it held, and for no other', () => {
  const report = (files: Record<string, string[]>) =>
    JSON.stringify({
      testResults: Object.entries(files).map(([name, tests]) => ({
        name,
        status: tests.includes('failed') ? 'failed' : 'passed',
        assertionResults: tests.map((status) => ({ status })),
      })),
    });
  const first = report({ a: ['passed'], b: ['passed', 'failed'], c: ['failed'] });
  expect(failedFiles(first)).toEqual(['b', 'c']);
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  countTests(withSecond(first, report({ b: ['passed', 'passed'], c: ['failed'] })), 1, tally);
  expect(summary(tally)).toBe('3 passed, 1 failed');
  // A second run that left no report mends nothing.
  expect(withSecond(first, undefined)).toBe(first);
  expect(failedFiles(undefined)).toEqual([]);
});
