import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, projectRoot } from './cache.ts';
import type { HostNames } from './host-names.ts';
import { descendants, guarded } from './process.ts';

/** A temporary folder of one test, and the command line run from it. */
export interface Workspace {
  directory: string;
  /** A path inside of it. */
  path(...parts: string[]): string;
  /** Writes a file (mode 0600) into it and returns its path. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  remove(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function createWorkspace(name = 'work', prefix = 'backupctl-test-'): Workspace {
  const directory = mkdtempSync(join(tmpdir(), `${prefix}${name}-`));
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
  return {
    directory,
    path: (...parts) => join(directory, ...parts),
    file: async (file, content) => {
      const path = join(directory, file);
      await writeFile(path, content, { mode: 0o600 });
      return path;
    },
    remove,
    [Symbol.asyncDispose]: remove,
  };
}

export interface CliOptions {
  /** Over an environment that holds only PATH, HOME (which does not exist) and the cache. */
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
  /** Milliseconds until it is killed. Default 120,000. */
  timeout?: number;
  /** What it can resolve, where that is not what this machine can. */
  names?: HostNames | null;
}

export interface CliResult {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliProcess {
  child: ChildProcess;
  pid: number;
  /** What it has printed so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Its end; never rejects. */
  result: Promise<CliResult>;
  kill(signal?: NodeJS.Signals): void;
}

export const launcher = join(projectRoot, 'bin', 'backupctl');

/** The environment that the command line runs in: nothing of the tester's own is in it. */
export function cliEnvironment(env: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LANG: 'C.UTF-8',
    TMPDIR: tmpdir(),
    BACKUPCTL_CACHE: cacheDirectory(),
    ...env,
  };
}

/** Starts `bin/backupctl` as a process of its own, which ends with this one. */
export function spawnCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const [command, words] = guarded(...(options.names?.around(launcher, args) ?? [launcher, args]), null);
  const child = spawn(command, words, {
    cwd: options.cwd ?? tmpdir(),
    env: cliEnvironment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (piece: Buffer) => out.push(piece));
  child.stderr?.on('data', (piece: Buffer) => err.push(piece));
  child.stdin?.on('error', () => {}); // it may end before it has read its input
  child.stdin?.end(options.input ?? '');
  const text = (pieces: Buffer[]) => Buffer.concat(pieces).toString('utf8');
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 120_000);
  const result = new Promise<CliResult>((resolve) => {
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, signal: null, stdout: text(out), stderr: `${text(err)}${error.message}` });
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: text(out), stderr: text(err) });
    });
  });
  return {
    child,
    pid: child.pid ?? -1,
    get stdout() {
      return text(out);
    },
    get stderr() {
      return text(err);
    },
    result,
    kill: (signal = 'SIGTERM') => {
      child.kill(signal);
    },
  };
}

/** Runs `bin/backupctl` to its end. Never throws for an exit code. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return spawnCli(args, options).result;
}

/** Kills a process and everything below it with SIGKILL, as a power cut would. */
export async function killTree(pid: number): Promise<void> {
  for (const each of [pid, ...(await descendants(pid))]) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  }
}
