import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTests, failedFiles, summary, type Tally, withSecond } from './tally.ts';

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

function reportAt(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // vitest ended before it could write one
  }
}

/** Of more files that failed, the machine is not the reason. */
const mostAgain = 5;

async function vitest(
  name: string,
  args: readonly string[],
): Promise<{ code: number; report: string | undefined }> {
  const path = join(folder, `${name}.json`);
  const code = await run('vitest', [
    ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${path}`],
    ...args,
  ]);
  return { code, report: reportAt(path) };
}

const folder = mkdtempSync(join(tmpdir(), 'backupctl-test-report-'));
const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
try {
  await check('type-check (tsc)', 'tsc', ['--noEmit'], tally);
  await check('lint and formatting (biome)', 'biome', ['check', '.', '--diagnostic-level=warn'], tally);
  let { code, report } = await vitest('first', process.argv.slice(2));
  const failed = failedFiles(report);
  // A machine that is lent may stall for seconds. A file that failed is run once more, from its beginning and with nothing
  // beside it; what passes only then is named, and is to be looked into. On a developer's own machine nothing is.
  if (process.env.CI && failed.length > 0 && failed.length <= mostAgain) {
    const second = await vitest('second', ['--maxWorkers=1', ...failed]);
    const still = new Set(failedFiles(second.report));
    for (const file of failed) if (!still.has(file)) print(`AT THE SECOND TRY ONLY: ${file}`);
    ({ code } = second);
    report = withSecond(report, second.report);
  }
  for (const line of countTests(report, code, tally)) print(`FAILED: ${line}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
print(summary(tally));
process.exitCode = tally.failed === 0 ? 0 : 1;
