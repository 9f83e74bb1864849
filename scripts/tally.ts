/** What `npm test` counts. A skipped test is not a passed one. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** The part of vitest's JSON report (the shape of Jest's) that is read here. */
interface Report {
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string }[];
  }[];
}

/**
 * Adds what vitest's JSON report says to the tally, and returns a line for each failure that is not a test's own: a
 * missing report, a file that could not be loaded, an error outside of every test, a run without a passed test.
 */
export function countTests(text: string | undefined, exitCode: number, tally: Tally): string[] {
  const before = { ...tally };
  const problems: string[] = [];
  const report = parse(text);
  if (report === undefined) {
    tally.failed += 1;
    return [`vitest ended with ${exitCode} and left no report`];
  }
  for (const file of report.testResults) {
    let failures = 0;
    for (const { status } of file.assertionResults) {
      if (status === 'passed') tally.passed += 1;
      else if (status === 'failed') failures += 1;
      else tally.skipped += 1;
    }
    if (failures === 0 && file.status === 'failed') {
      problems.push(`${file.name}: ${(file.message ?? '').split('\n')[0]}`);
      failures = 1;
    }
    tally.failed += failures;
  }
  if (tally.passed === before.passed) {
    problems.push('no test passed');
    tally.failed += 1;
  }
  if (exitCode !== 0 && tally.failed === before.failed) {
    problems.push(`vitest ended with ${exitCode}, though no test failed`);
    tally.failed += 1;
  }
  return problems;
}

/** The files of a report in which something failed, by path. */
export function failedFiles(text: string | undefined): string[] {
  const { testResults = [] } = parse(text) ?? {};
  return testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);
}

/** A report in which the files of a second one stand as they were then. */
export function withSecond(first: string | undefined, second: string | undefined): string | undefined {
  const [before, after] = [parse(first), parse(second)];
  if (before === undefined || after === undefined) return first;
  const again = new Map(after.testResults.map((file) => [file.name, file]));
  return JSON.stringify({ testResults: before.testResults.map((file) => again.get(file.name) ?? file) });
}

/** The last line of `npm test`. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

function parse(text: string | undefined): Report | undefined {
  try {
    return JSON.parse(text ?? '') as Report;
  } catch {
    return undefined;
  }
}
