import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** An account that servers which refuse root run as. */
export interface Account {
  uid: number;
  gid: number;
}

let account: Account | null | undefined;

/** `postgres`, else `nobody`, when we are root; null (stay who we are) otherwise. */
export function unprivilegedAccount(): Account | null {
  if (account !== undefined) return account;
  account = null;
  if (process.getuid?.() === 0) {
    for (const name of ['postgres', 'nobody']) {
      try {
        const id = (flag: string) =>
          Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
        account = { uid: id('-u'), gid: id('-g') };
        break;
      } catch {
        // This machine has no such account.
      }
    }
  }
  return account;
}

let setpriv: boolean | undefined;

function hasSetpriv(): boolean {
  if (setpriv === undefined) {
    try {
      execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' });
      setpriv = true;
    } catch {
      setpriv = false;
    }
  }
  return setpriv;
}

/** The words that start a program so that it dies with this process (on Linux) and runs as `as`. */
export function guarded(command: string, args: readonly string[], as: Account | null): [string, string[]] {
  if (!hasSetpriv()) return [command, [...args]];
  const identity = as === null ? [] : [`--reuid=${as.uid}`, `--regid=${as.gid}`, '--clear-groups'];
  return ['setpriv', ['--pdeathsig', 'KILL', ...identity, '--', command, ...args]];
}

export interface ServerProcessOptions {
  command: string;
  args: readonly string[];
  env: Record<string, string>;
  /** Standard output and error go here. */
  logFile: string;
  cwd?: string;
  as?: Account | null;
}

/** A server of a test: it ends with the test's process, whatever happens to that. */
export class ServerProcess {
  readonly child: ChildProcess;
  readonly logFile: string;
  readonly ended: Promise<void>;

  private constructor(child: ChildProcess, logFile: string) {
    this.child = child;
    this.logFile = logFile;
    this.ended = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  static start(options: ServerProcessOptions): ServerProcess {
    const as = options.as ?? null;
    const [command, args] = guarded(options.command, options.args, as);
    const log = openSync(options.logFile, 'a');
    try {
      const child = spawn(command, args, {
        cwd: options.cwd ?? '/',
        env: options.env,
        stdio: ['ignore', log, log],
        ...(as !== null && !hasSetpriv() ? { uid: as.uid, gid: as.gid } : {}),
      });
      return new ServerProcess(child, options.logFile);
    } finally {
      closeSync(log);
    }
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The end of what it printed. */
  tail(): string {
    return readFileSync(this.logFile, 'utf8').slice(-2000);
  }

  /** Sends `signal`, waits for the end, and kills after `patience` milliseconds. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patience = 15_000): Promise<void> {
    if (!this.running) return;
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patience);
    await this.ended;
    clearTimeout(timer);
  }

  async kill9(): Promise<void> {
    if (this.running) this.child.kill('SIGKILL');
    await this.ended;
  }
}

const execFileAsync = promisify(execFile);

/** Pids of all processes below `pid`, nearest first, itself excluded. */
export async function descendants(pid: number): Promise<number[]> {
  const children = new Map<number, number[]>();
  for (const [child, parent] of await parents()) {
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const child of children.get(next) ?? []) {
      found.push(child);
      queue.push(child);
    }
  }
  return found;
}

/** Every process with its parent: from /proc, since `ps` need not be installed; elsewhere from `ps`. */
async function parents(): Promise<[number, number][]> {
  if (process.platform === 'linux') {
    return readdirSync('/proc').flatMap((name): [number, number][] => {
      if (!/^\d+$/.test(name)) return [];
      try {
        // The name of the program, in parentheses, may hold anything; behind it come the state and the parent.
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
      } catch {
        return []; // it has ended
      }
    });
  }
  const { stdout } = await execFileAsync('ps', ['-A', '-o', 'pid=,ppid=']);
  return stdout.split('\n').flatMap((line): [number, number][] => {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    return child === undefined || parent === undefined ? [] : [[child, parent]];
  });
}

/** Whether a process exists (a zombie counts as gone where that can be seen). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}
