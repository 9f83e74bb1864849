import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { BoundedLog } from './bounded-log.ts';
import { findOnPath } from './find-temporal.ts';

export interface EmbeddedTemporalOptions {
  /** The `temporal` program. */
  program: string;
  dataDir: string;
  port: number;
  uiPort: number;
  /** Told each pid at once, so that it can be recorded before anything can go wrong. */
  onStarted(pid: number): void;
  /** A line for the operator: the server ended by itself and is started again. */
  onTrouble(line: string): void;
}

/** The file of all schedules and histories; also what tells our server from others in the process list. */
export const databaseOf = (dataDir: string): string => join(dataDir, 'temporal.db');

/** Milliseconds a first start may take: it makes the schema. */
const startLimit = 60_000;
const longestPause = 15_000;

/**
 * Temporal's development server as a child that dies with us (on Linux, by the parent-death signal), on one SQLite
 * file. When it ends by itself it is started again, with growing pauses.
 */
export class EmbeddedTemporal {
  readonly address: string;
  readonly #options: EmbeddedTemporalOptions;
  readonly #log: BoundedLog;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #stopping = false;
  #restarts = 0;

  constructor(options: EmbeddedTemporalOptions) {
    this.#options = options;
    this.address = `127.0.0.1:${options.port}`;
    const logs = join(options.dataDir, 'logs');
    mkdirSync(logs, { recursive: true, mode: 0o700 });
    this.#log = new BoundedLog(join(logs, 'temporal.log'));
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** How often it ended by itself. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Starts it and waits until it answers; from then on it is kept running.
   * @throws BackupctlError failed, with its last words; `conflict` where a port was taken meanwhile
   */
  async start(answers: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    this.#spawn();
    const since = performance.now();
    const limit = since + startLimit;
    while (!((await answers()) && this.#isOurs(since))) {
      signal.throwIfAborted();
      if (!this.running) throw this.#failure('ended as soon as it was started');
      if (performance.now() > limit) throw this.#failure(`does not answer after ${startLimit / 1000} s`);
      await sleep(50);
    }
    void this.#keepRunning();
  }

  /**
   * What answers may be another's server, which took the port before ours could bind it. Ours says so once it listens;
   * and where one says nothing, it ends soon if it cannot bind.
   */
  #isOurs(since: number): boolean {
    if (!this.running) return false;
    return (
      this.#log.lastLines(20).some((line) => line.endsWith(`:${this.#options.port}`)) ||
      performance.now() - since > 5_000
    );
  }

  /** Ends it: TERM, then KILL after the grace. Idempotent. */
  async stop(graceSeconds: number): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceSeconds * 1000);
    await this.#ended;
    clearTimeout(timer);
    this.#log.close();
  }

  async #keepRunning(): Promise<void> {
    for (let pause = 250; ; ) {
      const since = performance.now();
      await this.#ended;
      if (this.#stopping) return;
      if (performance.now() - since > 60_000) pause = 250;
      this.#restarts += 1;
      this.#options.onTrouble(
        `the Temporal server ended by itself (${this.#lastWords()}); starting it again in ${pause / 1000} s`,
      );
      await sleep(pause);
      pause = Math.min(pause * 2, longestPause);
      if (this.#stopping) return;
      this.#spawn();
    }
  }

  #spawn(): void {
    const { program, dataDir, port, uiPort } = this.#options;
    const words = [
      ...['server', 'start-dev', '--db-filename', databaseOf(dataDir)],
      ...['--ip', '127.0.0.1', '--port', String(port), '--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)],
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'],
      // Otherwise a run that has just closed stays listed for half a minute after it was deleted.
      ...['--dynamic-config-value', 'history.visibilityProcessorEnsureCloseBeforeDelete=false'],
      ...['--dynamic-config-value', 'history.transferProcessorEnsureCloseBeforeDelete=false'],
      // Ends of actions while a workflow thinks: beyond a hundred it would throw away what the workflow decided, and have
      // its whole history read again.
      ...['--dynamic-config-value', 'history.maximumBufferedEventsBatch=1000'],
      // Its HTTP API would take a request that any web page makes a browser of this machine send; nothing of ours uses it.
      ...['--dynamic-config-value', 'frontend.httpAllowedHosts=["nobody.invalid"]'],
      ...['--log-level', 'error', '--disable-config-file', '--disable-config-env'],
    ];
    const setpriv = process.platform === 'linux' ? findOnPath('setpriv', process.env) : null;
    const [command, args] =
      setpriv === null ? [program, words] : [setpriv, ['--pdeathsig', 'KILL', '--', program, ...words]];
    const child = spawn(command, args, {
      cwd: dataDir,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: dataDir, TMPDIR: dataDir, TZ: 'UTC', LC_ALL: 'C' },
      // A group of its own: Ctrl-C of a terminal is for us alone, and Temporal has to outlive the worker.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#log.take(child.stdout);
    this.#log.take(child.stderr);
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', (error) => {
        this.#log.write(Buffer.from(`${error.message}\n`));
        resolve();
      });
    });
    if (child.pid !== undefined) this.#options.onStarted(child.pid);
  }

  #lastWords(): string {
    const child = this.#child;
    const how =
      child?.signalCode ?? (child?.exitCode === null ? 'not started' : `exit code ${child?.exitCode}`);
    return how;
  }

  #failure(what: string): BackupctlError {
    const said = this.#log.lastLines(3).join(' | ').slice(-500);
    const taken = /address already in use/i.test(said);
    return new BackupctlError(
      taken ? 'conflict' : 'failed',
      `the Temporal server ${what} (${this.#lastWords()})${said === '' ? '' : `: ${said}`}`,
      { hint: `its log is ${join(this.#options.dataDir, 'logs', 'temporal.log')}` },
    );
  }
}
