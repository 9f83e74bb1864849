import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What `npm test` counts. A skipped test is not a passed one. */
interface Tally {
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

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Runs a program with its output going to ours; resolves to its exit code (128 and more for a signal). */
function run(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', (error) => {
      print(`${command} could not be started: ${error.message}`);
      resolve(127);
    });
    child.once('exit', (code) => resolve(code ?? 128));
  });
}

/** A check without tests of its own counts as one test. */
async function check(what: string, command: string, args: readonly string[], tally: Tally): Promise<void> {
  const began = performance.now();
  const code = await run(command, args);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (code === 0) tally.passed += 1;
  else tally.failed += 1;
  print(`${code === 0 ? 'ok' : 'FAILED'}: ${what} (${seconds} s)`);
}

function countTests(reportFile: string, exitCode: number, tally: Tally): void {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    print(`FAILED: vitest ended with ${exitCode} and left no report`);
    tally.failed += 1;
    return;
  }
  const before = { ...tally };
  for (const file of report.testResults) {
    let failures = 0;
    for (const { status } of file.assertionResults) {
      if (status === 'passed') tally.passed += 1;
      else if (status === 'failed') failures += 1;
      else tally.skipped += 1;
    }
    // A file that could not be loaded, or whose hooks failed, has no failed test of its own.
    if (failures === 0 && file.status === 'failed') {
      print(`FAILED: ${file.name}: ${(file.message ?? '').split('\n')[0]}`);
      failures = 1;
    }
    tally.failed += failures;
  }
  if (tally.passed === before.passed) {
    print('FAILED: no test passed');
    tally.failed += 1;
  }
  // An error outside of every test (an unhandled rejection) fails vitest without failing a test.
  if (exitCode !== 0 && tally.failed === before.failed) {
    print(`FAILED: vitest ended with ${exitCode}, though no test failed`);
    tally.failed += 1;
  }
}

const folder = mkdtempSync(join(tmpdir(), 'backupctl-test-report-'));
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
try {
  await check('type-check (tsc)', 'tsc', ['--noEmit'], tally);
  await check('lint and formatting (biome)', 'biome', ['check', '.', '--diagnostic-level=warn'], tally);
  const report = join(folder, 'report.json');
  const code = await run('vitest', [
    ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ...process.argv.slice(2),
  ]);
  countTests(report, code, tally);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const skipped = tally.skipped === 0 ? '' : `, ${tally.skipped} skipped`;
print(`${tally.passed} passed, ${tally.failed} failed${skipped}`);
process.exitCode = tally.failed === 0 ? 0 : 1;
