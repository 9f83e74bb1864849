import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Platform, startPlatform } from '../test/servers/platform.ts';
import { startS3 } from '../test/servers/s3.ts';
import type { BenchSubject, RunningBench } from './subjects/subject.ts';

/** A subject, a store for all contenders, and a platform of ours that keeps its repository there. */
export interface Arena {
  subject: RunningBench;
  platform: Platform;
  /** Runs a command of ours. @throws what it says when it fails */
  cli(...args: string[]): Promise<void>;
  bucket: string;
  endpoint: string;
  /** Of rclone, restic and the store, for scripts. */
  env: Record<string, string>;
  /** An age recipient. */
  recipient: string;
}

/** Runs the body with everything that contenders need, on ports and in folders of its own. */
export async function inArena<T>(subject: BenchSubject, body: (arena: Arena) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'backupctl-bench-'));
  const [running, s3] = await Promise.all([subject.start(directory), startS3()]);
  const config = join(directory, 'backupctl.yaml');
  writeFileSync(
    config,
    `repository:\n  type: s3\n  bucket: ${s3.bucket}\n  prefix: ours\n  region: ${s3.region}\n  endpoint: ${s3.endpoint}\n  force_path_style: true\n`,
  );
  const platform = await startPlatform({ args: ['--config', config], env: s3.env });
  try {
    const identity = join(directory, 'identity');
    execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' });
    return await body({
      subject: running,
      platform,
      cli: async (...args) => {
        const { code, stderr } = await platform.cli([...args, '--config', config], {
          env: s3.env,
          timeout: 900_000,
        });
        if (code !== 0) throw new Error(stderr);
      },
      bucket: s3.bucket,
      endpoint: s3.endpoint,
      env: {
        ...s3.env,
        RCLONE_CONFIG_S3_TYPE: 's3',
        RCLONE_CONFIG_S3_PROVIDER: 'Other',
        RCLONE_CONFIG_S3_ENDPOINT: s3.endpoint,
        RCLONE_CONFIG_S3_ACCESS_KEY_ID: s3.accessKeyId,
        RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
        RCLONE_CONFIG_S3_REGION: s3.region,
        RESTIC_PASSWORD: 'bench',
        RESTIC_CACHE_DIR: join(directory, 'restic-cache'),
      },
      recipient: execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim(),
    });
  } finally {
    await platform.stop();
    await Promise.all([running.stop(), s3.stop()]);
    rmSync(directory, { recursive: true, force: true });
  }
}
