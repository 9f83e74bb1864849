import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { keepForLateReader } from './late-reader.ts';
import { StderrTail } from './stderr-tail.ts';

/** Where programs that our programs start are looked for; a worker's own PATH is none of theirs. */
const systemPath = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/opt/homebrew/bin';

/** Between TERM, which lets a program tell its server, and KILL. */
const patience = 5_000;

export interface ChildOptions {
  /** For messages: `pg_dump`. */
  name: string;
  command: string;
  args: readonly string[];
  /** Added to an environment that is built from nothing: PATH of the system, LANG=C.UTF-8. */
  env?: Readonly<Record<string, string>>;
  /** Descriptors by position (0 is standard input): a number is one of ours that the child gets. Default: all ignored. */
  stdio?: readonly ('ignore' | 'pipe' | number)[];
  /** Struck out of what it writes to its standard error. */
  secrets?: readonly string[];
  cwd?: string;
  /** Told each line of its standard error as it comes, without secrets being struck out: for programs that know none. */
  onErrorLine?: (line: string) => void;
}

/** How a program ended. Exactly one of `code` and `signal` is null. */
export interface Exit {
  name: string;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Whether `terminate` had been called before. */
  terminated: boolean;
}

/** A program that did not end with exit code 0. */
export class ChildFailedError extends BackupctlError {
  readonly exit: Exit;
  /** Its last lines on standard error, secrets struck out. */
  readonly lines: readonly string[];

  constructor(exit: Exit, lines: readonly string[]) {
    const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
    const last = lines.slice(-4).join(' | ');
    super('failed', `${exit.name} ended with ${how}${last === '' ? '' : `: ${last}`}`);
    this.exit = exit;
    this.lines = lines;
  }
}

/**
 * A running program: started without a shell, in a session of its own (no terminal to ask for a password on, no Ctrl-C
 * of ours), with an environment built from nothing, and killed by the kernel when this process dies (on Linux).
 */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly stdin: Writable | null;
  /** May be read however long after the program's end. */
  readonly stdout: Readable | null;
  /** Its end, once its output is read too. Never rejects. */
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #stderr: StderrTail;
  #terminated = false;

  private constructor(options: ChildOptions, child: ChildProcess, pid: number) {
    this.name = options.name;
    this.pid = pid;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    this.#process = child;
    if (child.stderr === null) throw new Error('standard error is always a pipe');
    this.#stderr = new StderrTail(child.stderr, options.secrets);
    if (options.onErrorLine !== undefined) tellLines(child.stderr, options.onErrorLine);
    if (child.stdout !== null) keepForLateReader(child.stdout);
    // Broken pipes show in exit codes; without listeners they would end this process, as would a reader that left.
    child.stdout?.on('error', () => {});
    child.stdin?.on('error', () => {});
    this.exited = new Promise((resolve) => {
      // `exit` alone would come before the last of standard error; `close` alone would wait for a reader of stdout.
      let exit: Exit | undefined;
      let stderrEnded = false;
      const settle = () => exit !== undefined && stderrEnded && resolve(exit);
      child.stderr?.once('close', () => {
        stderrEnded = true;
        settle();
      });
      child.once('exit', (code, signal) => {
        exit = { name: this.name, code, signal, terminated: this.#terminated };
        // A grandchild may keep standard error open: its words are not waited for.
        setTimeout(() => child.stderr?.destroy(), 500).unref();
        settle();
      });
    });
  }

  /** @throws BackupctlError missing-tool when it cannot be started; unavailable where the machine lacks room for one more now */
  static async start(options: ChildOptions): Promise<Child> {
    const [command, args] = guarded(options.command, options.args);
    const [stdin = 'ignore', stdout = 'ignore', , ...more] = options.stdio ?? [];
    const child = spawn(command, args, {
      cwd: options.cwd ?? '/',
      env: { PATH: systemPath, LANG: 'C.UTF-8', ...options.env },
      stdio: [stdin, stdout, 'pipe', ...more],
      detached: true,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause: NodeJS.ErrnoException) => {
        // Too few descriptors, processes or memory just now is nothing that an operator has to install.
        const passing = ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'].includes(cause.code ?? '');
        const words = `${options.name} cannot be started: ${cause.message}`;
        reject(new BackupctlError(passing ? 'unavailable' : 'missing-tool', words, { cause }));
      });
    });
    // A kill that fails later comes as an error event too; the exit tells.
    child.on('error', () => {});
    if (child.pid === undefined) throw new Error('a started program has a process id');
    return new Child(options, child, child.pid);
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The last lines of its standard error so far, secrets struck out. */
  lines(count = 20): string[] {
    return this.#stderr.lines(count);
  }

  failure(exit: Exit): ChildFailedError {
    return new ChildFailedError(exit, this.lines());
  }

  /** TERM, and KILL five seconds later; resolves when it is gone. Idempotent. */
  async terminate(): Promise<void> {
    if (this.running && !this.#terminated) {
      this.#terminated = true;
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), patience);
      void this.exited.then(() => clearTimeout(timer));
    }
    await this.exited;
  }
}

/** A line longer than this is told cut. */
const longestLine = 64 * 1024;

function tellLines(stream: Readable, tell: (line: string) => void): void {
  let rest = '';
  stream.on('data', (piece: Buffer) => {
    const lines = (rest + piece.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(0, longestLine);
    for (const line of lines) tell(Buffer.from(line.slice(0, longestLine), 'latin1').toString('utf8'));
  });
  stream.on('close', () => {
    if (rest !== '') tell(Buffer.from(rest, 'latin1').toString('utf8'));
    rest = '';
  });
}

let setpriv: string | null | undefined;

/** The words that start a program so that the kernel kills it when we die; plain ones where there is no setpriv. */
function guarded(command: string, args: readonly string[]): [string, string[]] {
  if (setpriv === undefined) setpriv = process.platform === 'linux' ? findSetpriv() : null;
  return setpriv === null ? [command, [...args]] : [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

function findSetpriv(): string | null {
  for (const path of ['/usr/bin/setpriv', '/bin/setpriv']) {
    const tried = spawnSync(path, ['--pdeathsig', 'KILL', '--', 'true'], {
      env: { PATH: systemPath },
      stdio: 'ignore',
    });
    if (tried.status === 0) return path;
  }
  return null;
}

/** Runs a short program to its end and returns the start (1 MiB) of its output. @throws ChildFailedError, missing-tool */
export async function runToEnd(options: Omit<ChildOptions, 'stdio'>): Promise<string> {
  const child = await Child.start({ ...options, stdio: ['ignore', 'pipe'] });
  const read = startOf(child.stdout, 1024 * 1024);
  read.catch(() => {}); // the program's own failure says more
  const exit = await child.exited;
  if (exit.code !== 0) throw child.failure(exit);
  return (await read).toString('utf8');
}

/** Reads a program's output to its end, and keeps its start. */
export async function startOf(output: Readable | null, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let held = 0;
  for await (const piece of (output ?? []) as AsyncIterable<Buffer>) {
    if (held < bytes) pieces.push(piece);
    held += piece.length;
  }
  return Buffer.concat(pieces).subarray(0, bytes);
}
