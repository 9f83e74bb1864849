import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../test/servers/cache.ts';
import { startPlatform } from '../test/servers/platform.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { cliEnvironment, launcher } from '../test/servers/workspace.ts';
import { timeShell } from './measure.ts';
import { type Contest, table } from './report.ts';

const ours = '`backupctl schedule-list`, process start to end';
const bare = "a process that loads Temporal's client and connects";
const temporal = '`temporal schedule list`';

/** What a short command costs: against the least that any program on Temporal's client costs, and its own command line. */
export async function benchListing(options: { rounds: number }): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-bench-'));
  const postgres = await startPostgres({ version: 18 });
  const platform = await startPlatform();
  try {
    const password = join(directory, 'password');
    writeFileSync(password, postgres.superuserPassword, { mode: 0o600 });
    await platform.json(['instance-create', 'bench', '--url', postgres.url(), '--password-file', password]);
    for (let n = 0; n < 5; n += 1) await platform.json(['schedule-create', 'bench', `${n} 3 * * *`, `s${n}`]);
    const root = join(import.meta.dirname, '..');
    const script = join(root, 'bench', 'connect.ts');
    const env = { ...cliEnvironment(platform.env), NODE_COMPILE_CACHE: join(directory, 'compile-cache') };
    const address = `127.0.0.1:${platform.temporalPort}`;
    const contenders: [string, string][] = [
      [ours, `${launcher} schedule-list bench`],
      [bare, `${process.execPath} ${script} ${address}`],
      [temporal, `${findProgram('temporal')} schedule list --address ${address}`],
    ];
    const contest: Contest = {
      title: 'A short command',
      figures: new Map(contenders.map(([name]) => [name, []])),
      unit: 's',
      goals: new Map([[bare, { atLeast: 0.67 }]]),
    };
    for (const [, command] of contenders) await timeShell(command, env);
    for (let round = 0; round < Math.max(15, options.rounds); round += 1) {
      for (const [name, command] of contenders)
        contest.figures.get(name)?.push(await timeShell(command, env));
    }
    return table(contest);
  } finally {
    await platform.stop();
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
