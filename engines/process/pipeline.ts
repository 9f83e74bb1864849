import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { Child, type ChildFailedError, type ChildOptions, type Exit } from './child.ts';
import { OsPipe } from './os-pipe.ts';

/** One program of a pipeline. Pipes between programs are known by a name of the caller's choice. */
export interface Stage extends Omit<ChildOptions, 'stdio'> {
  /** `{ pipe }`: from another stage. `feed`: from us, by `Pipeline.feed`. Default: nothing. */
  stdin?: { pipe: string } | 'feed';
  /**
   * `{ pipe }`: to another stage. `stream`: to us, by `Pipeline.stream`. `tail`: its end is kept. `{ lines }`: told line by
   * line, all of them by the time that `finished` resolves, each cut at 8 KiB. Default: /dev/null.
   */
  stdout?: { pipe: string } | { lines: (line: string) => void } | 'stream' | 'tail';
  /** Exit codes that are none of a failure, besides 0: whoever names some judges them. */
  goodExits?: readonly number[];
  /** Descriptor 3, to another stage; the program is told to write to `/dev/fd/3`. */
  extra?: { pipe: string };
}

export interface PipelineOptions {
  stages: readonly Stage[];
  /** A private directory, for the names that pipes have for a moment. */
  scratch: string;
  /** Aborting ends all programs; `finished` rejects with its reason. */
  signal: AbortSignal;
}

const tailBytes = 4096;
const lineBytes = 8192;
/** After a first failure, the others may come to their own end (of input, of a broken pipe) before they are ended. */
const grace = 2_000;

/** Programs wired together by pipes of the kernel. */
export class Pipeline {
  readonly children: readonly Child[];
  /** Output of the (first) stage with `stdout: 'stream'`. Its end says nothing: `finished` does. */
  readonly stream: Readable | null;
  /** Where several stages have `stdout: 'stream'`: the output of each, by its name. */
  readonly streams: ReadonlyMap<string, Readable>;
  /** Input of the stage with `stdin: 'feed'`. */
  readonly feed: Writable | null;
  /**
   * Resolves when all programs have ended with exit code 0 (or a good one). Rejects once all have ended, with the ChildFailedError of
   * the one that failed first by itself (not for the failure of its neighbour), or with the reason of the abort.
   */
  readonly finished: Promise<void>;
  readonly #goodExits: ReadonlyMap<Child, readonly number[]>;
  readonly #tails = new Map<string, Buffer>();

  private constructor(stages: readonly Stage[], children: readonly Child[], signal: AbortSignal) {
    this.children = children;
    const find = (wanted: (stage: Stage) => boolean) => children[stages.findIndex(wanted)];
    this.stream = find((stage) => stage.stdout === 'stream')?.stdout ?? null;
    this.streams = new Map(
      stages.flatMap((stage, n) => {
        const output = stage.stdout === 'stream' ? (children[n]?.stdout ?? null) : null;
        return output === null ? [] : [[stage.name, output] as const];
      }),
    );
    this.#goodExits = new Map(children.map((child, n) => [child, stages[n]?.goodExits ?? []]));
    this.feed = find((stage) => stage.stdin === 'feed')?.stdin ?? null;
    const tailsRead = stages.map((stage, n) => {
      const output = children[n]?.stdout ?? null;
      if (output === null) return undefined;
      if (stage.stdout === 'tail') return this.#keepTail(stage.name, output);
      const told = stage.stdout;
      return typeof told === 'object' && 'lines' in told ? tellLines(output, told.lines) : undefined;
    });
    this.finished = this.#supervise(signal).then(async () => {
      await Promise.all(tailsRead);
    });
    this.finished.catch(() => {}); // whoever waits for it sees it; nobody may be waiting yet
  }

  static async start(options: PipelineOptions): Promise<Pipeline> {
    const { stages, scratch, signal } = options;
    signal.throwIfAborted();
    const pipes = new Map<string, OsPipe>();
    const children: Child[] = [];
    try {
      for (const name of namesOfPipes(stages)) pipes.set(name, await OsPipe.create(scratch));
      const end = (name: string, which: 'readEnd' | 'writeEnd'): number => {
        const pipe = pipes.get(name);
        if (pipe === undefined) throw new Error(`no pipe ${name}`);
        return pipe[which];
      };
      for (const stage of stages) {
        const { stdin, stdout, extra } = stage;
        children.push(
          await Child.start({
            ...stage,
            stdio: [
              stdin === undefined ? 'ignore' : stdin === 'feed' ? 'pipe' : end(stdin.pipe, 'readEnd'),
              stdout === undefined
                ? 'ignore'
                : typeof stdout === 'object' && 'pipe' in stdout
                  ? end(stdout.pipe, 'writeEnd')
                  : 'pipe',
              'pipe',
              ...(extra === undefined ? [] : [end(extra.pipe, 'writeEnd')]),
            ],
          }),
        );
      }
    } catch (error) {
      await Promise.all(children.map((child) => child.terminate()));
      throw error;
    } finally {
      for (const pipe of pipes.values()) pipe.close();
    }
    return new Pipeline(stages, children, signal);
  }

  /** The end (4 KiB) of what a stage with `stdout: 'tail'` wrote; whole once `finished` has resolved. */
  tail(stage: string): string {
    return (this.#tails.get(stage) ?? Buffer.alloc(0)).toString('utf8');
  }

  /** Bytes that have come out of `stream`. Who has read fewer when it has ended has lost some. */
  get streamed(): number {
    return (this.stream as Socket | null)?.bytesRead ?? 0;
  }

  /** The same of one of `streams`. */
  streamedBy(stage: string): number {
    return (this.streams.get(stage) as Socket | undefined)?.bytesRead ?? 0;
  }

  /** Ends all programs and resolves when they are gone. Idempotent. */
  async terminate(): Promise<void> {
    await Promise.all(this.children.map((child) => child.terminate()));
  }

  async #supervise(signal: AbortSignal): Promise<void> {
    let terminating: NodeJS.Timeout | undefined;
    const failures: { child: Child; exit: Exit }[] = [];
    const abort = () => void this.terminate();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    await Promise.all(
      this.children.map(async (child) => {
        const exit = await child.exited;
        if (exit.code === 0) return;
        if (exit.code !== null && this.#goodExits.get(child)?.includes(exit.code)) return;
        failures.push({ child, exit });
        terminating ??= setTimeout(abort, grace);
      }),
    );
    clearTimeout(terminating);
    signal.removeEventListener('abort', abort);
    if (signal.aborted) throw reasonOf(signal);
    const culprit = this.#culprit(failures);
    if (culprit !== null) throw culprit;
  }

  /** The first of the pipeline that failed by itself: not by a broken pipe, and not because we ended it. */
  #culprit(failures: readonly { child: Child; exit: Exit }[]): ChildFailedError | null {
    const inOrder = this.children.flatMap((child) => failures.filter((failure) => failure.child === child));
    const byItself = inOrder.find(
      ({ child, exit }) =>
        !exit.terminated && exit.signal !== 'SIGPIPE' && !/broken pipe/i.test(child.lines(3).join(' ')),
    );
    const found = byItself ?? failures[0];
    return found === undefined ? null : found.child.failure(found.exit);
  }

  async #keepTail(name: string, output: Readable): Promise<void> {
    try {
      for await (const piece of output as AsyncIterable<Buffer>) {
        const before = this.#tails.get(name) ?? Buffer.alloc(0);
        this.#tails.set(name, Buffer.concat([before, piece]).subarray(-tailBytes));
      }
    } catch {
      // What could not be read is not in the tail, and so no trailer is.
    }
  }
}

/** What cannot be read to its end is no error here: whoever waits for a last line does not get it. */
async function tellLines(output: Readable, tell: (line: string) => void): Promise<void> {
  let rest = Buffer.alloc(0);
  try {
    for await (const piece of output as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, from)) {
        const head = piece.subarray(from, at);
        tell(
          (rest.length === 0 ? head : Buffer.concat([rest, head])).subarray(0, lineBytes).toString('utf8'),
        );
        rest = Buffer.alloc(0);
        from = at + 1;
      }
      if (rest.length < lineBytes) rest = Buffer.concat([rest, piece.subarray(from)]).subarray(0, lineBytes);
    }
    if (rest.length > 0) tell(rest.toString('utf8'));
  } catch {
    // See above.
  }
}

function namesOfPipes(stages: readonly Stage[]): Set<string> {
  const names = new Set<string>();
  for (const { stdin, stdout, extra } of stages) {
    for (const end of [stdin, stdout, extra]) {
      if (typeof end === 'object' && 'pipe' in end) names.add(end.pipe);
    }
  }
  return names;
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof BackupctlError
    ? signal.reason
    : new BackupctlError('cancelled', 'the run was cancelled', { cause: signal.reason });
}
