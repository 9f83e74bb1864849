import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackupClient } from '../../client/client.ts';
import type { HostNames } from './host-names.ts';
import { until } from './wait.ts';
import {
  type CliOptions,
  type CliProcess,
  type CliResult,
  cliEnvironment,
  killTree,
  runCli,
  spawnCli,
} from './workspace.ts';

export interface PlatformOptions {
  /** Default: a temporary folder, removed by `stop`. */
  dataDir?: string;
  /** Further words for `backupctl up`. */
  args?: readonly string[];
  /** The environment of `up`, over the harness's own. */
  env?: Record<string, string>;
  /** Milliseconds until it has to answer. Default 90,000. */
  timeout?: number;
  /** What `up` alone can resolve. */
  names?: HostNames | null;
}

export interface Platform {
  dataDir: string;
  /** What other commands need to talk to this platform. */
  env: Record<string, string>;
  readonly port: number;
  readonly temporalPort: number;
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Runs a command against this platform. */
  cli(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** Runs a command with `--json` and parses what it prints; throws what it says when it fails. */
  json<T>(args: readonly string[], options?: CliOptions): Promise<T>;
  spawn(args: readonly string[], options?: CliOptions): CliProcess;
  /**
   * The product's client in this process, for what is asked again and again until it is so: each command would be a
   * process, and take the machine from what is waited for.
   */
  readonly client: BackupClient;
  /** Asks it to end, waits, and removes a data directory that was the harness's own. Returns its exit code. */
  stop(): Promise<number | null>;
  /** Ends it at once, for whom its end is no matter any more, and removes a data directory that was the harness's own. */
  discard(): Promise<void>;
  /** SIGTERM and wait; the data stays. */
  shutDown(): Promise<CliResult>;
  /** SIGKILL to `up` alone, as an OOM killer does; or to it and all below it. */
  kill9(what?: 'up' | 'everything'): Promise<void>;
  /** Starts it again on the same data. */
  restart(): Promise<void>;
}

/** Starts `backupctl up` on ports of its own choice and waits for its ready-file. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const own = options.dataDir === undefined;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'backupctl-test-platform-')));
  const readyFile = join(
    tmpdir(),
    `backupctl-test-ready-${process.pid}-${Math.random().toString(36).slice(2)}`,
  );
  let up: CliProcess | undefined;
  let client: BackupClient | undefined;
  let port = 0;
  let temporalPort = 0;

  const running = (): CliProcess => {
    if (up === undefined) throw new Error('the platform was never started');
    return up;
  };

  const forgetClient = async (): Promise<void> => {
    const closing = client?.close();
    client = undefined;
    await closing;
  };

  const boot = async (): Promise<void> => {
    await forgetClient(); // it knows another port
    await rm(readyFile, { force: true });
    const started = spawnCli(
      ['up', '--data-dir', dataDir, '--ready-file', readyFile, ...(options.args ?? [])],
      { env: options.env, timeout: 2 ** 31 - 1, names: options.names ?? null },
    );
    up = started;
    let end: CliResult | undefined;
    void started.result.then((result) => {
      end = result;
    });
    await until(() => existsSync(readyFile) || end !== undefined, {
      what: 'the ready-file of backupctl up',
      timeout: options.timeout ?? 90_000,
    }).catch(async (error: unknown) => {
      await killTree(started.pid);
      throw new Error(`${String(error)}\n${started.stdout}\n${started.stderr}`);
    });
    if (end !== undefined) throw new Error(`backupctl up ended with ${end.code}: ${end.stdout}${end.stderr}`);
    const ready = JSON.parse(await readFile(readyFile, 'utf8')) as { port: number; temporal_address: string };
    port = ready.port;
    temporalPort = Number(ready.temporal_address.split(':').at(-1));
  };

  const env = { BACKUPCTL_DATA_DIR: dataDir };
  const merge = (given: CliOptions = {}): CliOptions => ({ ...given, env: { ...env, ...given.env } });
  const shutDown = async (): Promise<CliResult> => {
    running().kill('SIGTERM');
    const timer = setTimeout(() => void killTree(running().pid), 20_000);
    const result = await running().result;
    clearTimeout(timer);
    await rm(readyFile, { force: true });
    return result;
  };

  try {
    await boot();
  } catch (error) {
    if (own) await rm(dataDir, { recursive: true, force: true });
    throw error;
  }

  return {
    dataDir,
    env,
    get port() {
      return port;
    },
    get temporalPort() {
      return temporalPort;
    },
    get pid() {
      return running().pid;
    },
    get stdout() {
      return running().stdout;
    },
    get stderr() {
      return running().stderr;
    },
    cli: (args, given) => runCli(args, merge(given)),
    json: async <T>(args: readonly string[], given?: CliOptions): Promise<T> => {
      const result = await runCli([...args, '--json'], merge(given));
      if (result.code !== 0)
        throw new Error(`backupctl ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
      return JSON.parse(result.stdout) as T;
    },
    spawn: (args, given) => spawnCli(args, merge(given)),
    get client() {
      client ??= BackupClient.open({ dataDir, env: cliEnvironment(), cwd: dataDir });
      return client;
    },
    shutDown,
    stop: async () => {
      const result = await shutDown();
      await forgetClient();
      if (own) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
      return result.code;
    },
    discard: async () => {
      await killTree(running().pid);
      await running().result;
      await forgetClient();
      await rm(readyFile, { force: true });
      if (own) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
    kill9: async (what = 'up') => {
      if (what === 'everything') await killTree(running().pid);
      else running().kill('SIGKILL');
      await running().result;
    },
    restart: boot,
  };
}
