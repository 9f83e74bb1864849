import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { findProgram } from './cache.ts';
import { PortedServer } from './ported-server.ts';
import { ServerProcess } from './process.ts';

export interface S3Options {
  /** Default `backups`. */
  bucket?: string;
  /** Keep old versions of objects. Default false. */
  versioning?: boolean;
  /** Object lock: what every new object gets by the bucket's rule, in days. Implies `versioning`. */
  lock?: { mode: 'COMPLIANCE' | 'GOVERNANCE'; days: number } | 'without a rule';
}

export interface S3Server {
  endpoint: string;
  port: number;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
  /** Where the objects lie as files, one folder a bucket. */
  directory: string;
  /** The AWS SDK's variables for this server. */
  env: Record<string, string>;
  readonly pid: number;
  /** A client with path style; the caller destroys it. `endpoint` may name a proxy in front. */
  client(endpoint?: string): S3Client;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

/** Starts versitygw over a temporary folder, with random credentials and one bucket. */
export async function startS3(options: S3Options = {}): Promise<S3Server> {
  const program = findProgram('versitygw');
  const base = mkdtempSync(join(tmpdir(), 'backupctl-test-s3-'));
  const directory = join(base, 'buckets');
  const versions = join(base, 'versions');
  mkdirSync(directory);
  mkdirSync(versions);
  const region = 'us-east-1';
  const bucket = options.bucket ?? 'backups';
  const accessKeyId = `test${randomBytes(6).toString('hex')}`;
  const secretAccessKey = randomBytes(20).toString('hex');
  const start = (port: number) =>
    ServerProcess.start({
      command: program,
      args: [
        ...['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', 'posix'],
        ...(options.versioning === true || options.lock !== undefined ? ['--versioning-dir', versions] : []),
        directory,
      ],
      env: {
        ROOT_ACCESS_KEY: accessKeyId,
        ROOT_SECRET_KEY: secretAccessKey,
        PATH: '/usr/bin:/bin',
        HOME: base,
      },
      cwd: base,
      logFile: join(base, 'server.log'),
    });
  const answers = (port: number) => fetch(`http://127.0.0.1:${port}/`);
  let server: PortedServer | undefined;
  const client = (endpoint = `http://127.0.0.1:${server?.port}`): S3Client =>
    new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });

  try {
    server = await PortedServer.start({ name: 'versitygw', start, answers, timeout: 20_000 });
    const owner = client();
    await owner.send(
      new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: options.lock !== undefined }),
    );
    if (options.lock !== undefined && options.lock !== 'without a rule') {
      const { mode, days } = options.lock;
      await owner.send(
        new PutObjectLockConfigurationCommand({
          Bucket: bucket,
          ObjectLockConfiguration: {
            ObjectLockEnabled: 'Enabled',
            Rule: { DefaultRetention: { Mode: mode, Days: days } },
          },
        }),
      );
    }
    if (options.versioning === true) {
      await owner.send(
        new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      );
    }
    owner.destroy();
  } catch (error) {
    await server?.kill9();
    await rm(base, { recursive: true, force: true });
    throw error;
  }

  const running = server;
  return {
    endpoint: `http://127.0.0.1:${running.port}`,
    port: running.port,
    region,
    accessKeyId,
    secretAccessKey,
    bucket,
    directory,
    env: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region },
    get pid() {
      return running.pid;
    },
    client,
    stop: async () => {
      await running.stop();
      await rm(base, { recursive: true, force: true });
    },
    kill9: () => running.kill9(),
    restart: () => running.restart(),
  };
}
