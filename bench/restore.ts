import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPlatform } from '../test/servers/platform.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { fillDatabase } from './data.ts';
import { time, timeShell } from './measure.ts';
import { type Contest, table } from './report.ts';

const ours = '`restore-create --wait` (checked, analyzed), then the first query';
const stock = '`age -d \\| zstd -d \\| pg_restore`, ANALYZE, then the first query';

/** From a backup in a directory to the first answer. */
export async function benchRestore(options: { rounds: number; megabytes: number }): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-bench-'));
  const postgres = await startPostgres({ version: 18 });
  const platform = await startPlatform();
  try {
    await fillDatabase(postgres, 'bench', options.megabytes);
    const password = join(directory, 'password');
    writeFileSync(password, postgres.superuserPassword, { mode: 0o600 });
    const cli = async (...args: string[]) => {
      const { code, stdout, stderr } = await platform.cli(args, { timeout: 900_000 });
      if (code !== 0) throw new Error(stderr);
      return stdout;
    };
    await cli('instance-create', 'bench', '--url', postgres.url('bench'), '--password-file', password);
    const backup = JSON.parse(await cli('backup-create', 'bench', 'bench', '--wait', '--json')) as {
      id: string;
    };
    const exported = join(directory, 'export');
    await cli('backup-export', backup.id, '--to-directory', exported);
    const pg = `-h 127.0.0.1 -p ${postgres.port} -U postgres`;
    const env = { PGPASSWORD: postgres.superuserPassword };
    const query = (database: string) =>
      `${postgres.binDir}/psql ${pg} -d ${database} -c 'SELECT count(*) FROM orders WHERE customer = 7'`;
    const contest: Contest = {
      title: 'A restore, to the first query',
      figures: new Map([
        [ours, []],
        [stock, []],
      ]),
      unit: 's',
      goals: new Map([[stock, { atLeast: 1 }]]),
    };
    for (let round = 0; round < options.rounds; round += 1) {
      const contenders: [string, () => Promise<number>][] = [
        [
          ours,
          () =>
            time(async () => {
              await cli(
                'restore-create',
                backup.id,
                '--to',
                'bench',
                '--create-database',
                `ours${round}`,
                '--wait',
              );
              await timeShell(query(`ours${round}`), env);
            }),
        ],
        [
          stock,
          () =>
            timeShell(
              `${postgres.binDir}/createdb ${pg} stock${round}
               for f in $(find ${exported} -name 'bench.pgc.zst.*.age' | sort); do age -d -i ${platform.dataDir}/identity.txt $f; done | zstd -q -d | ${postgres.binDir}/pg_restore ${pg} -d stock${round}
               ${postgres.binDir}/psql ${pg} -d stock${round} -c ANALYZE
               ${query(`stock${round}`)}`,
              env,
            ),
        ],
      ];
      if (round % 2 === 1) contenders.reverse();
      for (const [name, run] of contenders) contest.figures.get(name)?.push(await run());
      for (const name of [`ours${round}`, `stock${round}`]) await postgres.psql(`DROP DATABASE ${name}`);
    }
    return table(contest);
  } finally {
    await platform.stop();
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
