import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPlatform } from '../test/servers/platform.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { startS3 } from '../test/servers/s3.ts';
import { fillDatabase } from './data.ts';
import { peakMiB, residentMiB } from './measure.ts';

/** Resident memory of `up` (the worker is in it): idle, and at its highest during a dump of one and of four sizes. */
export async function benchMemory(options: { megabytes: number }): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-bench-'));
  const [postgres, s3] = await Promise.all([startPostgres({ version: 18 }), startS3()]);
  const config = join(directory, 'backupctl.yaml');
  writeFileSync(
    config,
    `repository:\n  type: s3\n  bucket: ${s3.bucket}\n  region: ${s3.region}\n  endpoint: ${s3.endpoint}\n  force_path_style: true\n`,
  );
  const platform = await startPlatform({ args: ['--config', config], env: s3.env });
  try {
    const password = join(directory, 'password');
    writeFileSync(password, postgres.superuserPassword, { mode: 0o600 });
    const cli = async (...args: string[]) => {
      const { code, stderr } = await platform.cli([...args, '--config', config], {
        env: s3.env,
        timeout: 900_000,
      });
      if (code !== 0) throw new Error(stderr);
    };
    const idle = residentMiB(platform.pid);
    const peaks: number[] = [];
    for (const [name, times] of [
      ['one', 1],
      ['four', 4],
    ] as const) {
      await fillDatabase(postgres, name, (options.megabytes / 2) * times);
      await cli('instance-create', name, '--url', postgres.url(name), '--password-file', password);
      peaks.push(await peakMiB(platform.pid, () => cli('backup-create', name, name, '--wait')));
    }
    const [one = Number.NaN, four = Number.NaN] = peaks;
    const verdict = (met: boolean) => (met ? 'met' : 'missed');
    return `### Memory of the worker

| | MiB | goal |
| --- | --- | --- |
| idle | ${idle.toFixed(0)} | |
| highest during a dump of ${options.megabytes / 2} MB | ${one.toFixed(0)} | at most 120 above idle, 350 in all: ${verdict(one - idle <= 120 && one <= 350)} |
| highest during a dump of ${options.megabytes * 2} MB | ${four.toFixed(0)} | within 10% of the one before: ${verdict(four <= one * 1.1)}; at most 120 above idle, 350 in all: ${verdict(four - idle <= 120 && four <= 350)} |
`;
  } finally {
    await platform.stop();
    await Promise.all([postgres.stop(), s3.stop()]);
    rmSync(directory, { recursive: true, force: true });
  }
}
