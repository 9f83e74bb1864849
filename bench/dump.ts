import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPlatform } from '../test/servers/platform.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { startS3 } from '../test/servers/s3.ts';
import { fillDatabase } from './data.ts';
import { time, timeShell } from './measure.ts';
import { type Contest, table } from './report.ts';

const ours = '`backup-create --wait`, start and end of the command included';
const pipe = '`pg_dump \\| zstd -2 \\| age \\| rclone rcat` (16M parts, 4 at once)';
const restic = '`pg_dump \\| restic backup --stdin`';

/** A full dump to S3: ours against what an engineer would put into a script, and against restic. */
export async function benchDump(options: { rounds: number; megabytes: number }): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-bench-'));
  const [postgres, s3] = await Promise.all([startPostgres({ version: 18 }), startS3()]);
  const config = join(directory, 'backupctl.yaml');
  writeFileSync(
    config,
    `repository:\n  type: s3\n  bucket: ${s3.bucket}\n  prefix: ours\n  region: ${s3.region}\n  endpoint: ${s3.endpoint}\n  force_path_style: true\n`,
  );
  const platform = await startPlatform({ args: ['--config', config], env: s3.env });
  try {
    await fillDatabase(postgres, 'bench', options.megabytes);
    const password = join(directory, 'password');
    writeFileSync(password, postgres.superuserPassword, { mode: 0o600 });
    const cli = async (...args: string[]) => {
      const { code, stderr } = await platform.cli([...args, '--config', config], {
        env: s3.env,
        timeout: 600_000,
      });
      if (code !== 0) throw new Error(stderr);
    };
    await cli('instance-create', 'bench', '--url', postgres.url('bench'), '--password-file', password);
    const identity = join(directory, 'identity');
    execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' });
    const recipient = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim();
    const env = {
      ...s3.env,
      PGPASSWORD: postgres.superuserPassword,
      RCLONE_CONFIG_S3_TYPE: 's3',
      RCLONE_CONFIG_S3_PROVIDER: 'Other',
      RCLONE_CONFIG_S3_ENDPOINT: s3.endpoint,
      RCLONE_CONFIG_S3_ACCESS_KEY_ID: s3.accessKeyId,
      RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      RCLONE_CONFIG_S3_REGION: s3.region,
      RESTIC_PASSWORD: 'bench',
      RESTIC_CACHE_DIR: join(directory, 'restic-cache'),
    };
    const dump = `${postgres.binDir}/pg_dump --format=custom --compress=0 -h 127.0.0.1 -p ${postgres.port} -U postgres bench`;
    const contest: Contest = {
      title: 'A full dump to S3',
      figures: new Map([
        [ours, []],
        [pipe, []],
        [restic, []],
      ]),
      unit: 's',
      goals: new Map([
        [pipe, { atLeast: 1.1 }],
        [restic, { atLeast: 1.2 }],
      ]),
    };
    for (let round = 0; round < options.rounds; round += 1) {
      const resticRepository = `s3:${s3.endpoint}/${s3.bucket}/restic${round}`;
      await timeShell(`restic -q -r ${resticRepository} init`, env);
      const contenders: [string, () => Promise<number>][] = [
        [ours, () => time(() => cli('backup-create', 'bench', `round-${round}`, '--wait'))],
        [
          pipe,
          () =>
            timeShell(
              `${dump} | zstd -q -2 | age -r ${recipient} | rclone rcat --s3-chunk-size 16M --s3-upload-concurrency 4 s3:${s3.bucket}/pipe/${round}.age`,
              env,
            ),
        ],
        [restic, () => timeShell(`${dump} | restic -q -r ${resticRepository} backup --stdin`, env)],
      ];
      // Whoever goes first finds a colder cache, so they take turns at that too.
      for (let turn = 0; turn < contenders.length; turn += 1) {
        const [name, run] = contenders[(turn + round) % contenders.length] as [string, () => Promise<number>];
        contest.figures.get(name)?.push(await run());
      }
    }
    return table(contest);
  } finally {
    await platform.stop();
    await Promise.all([postgres.stop(), s3.stop()]);
    rmSync(directory, { recursive: true, force: true });
  }
}
