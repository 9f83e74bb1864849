import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Child, ChildFailedError, runToEnd } from '../../engines/process/child.ts';
import { Pipeline, type Stage } from '../../engines/process/pipeline.ts';
import { isAlive } from '../servers/process.ts';
import { until } from '../servers/wait.ts';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'backupctl-test-pipeline-'));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const start = (stages: readonly Stage[], signal = new AbortController().signal) =>
  Pipeline.start({ stages, scratch, signal });
const shell = (name: string, script: string, rest: Partial<Stage> = {}): Stage => ({
  name,
  command: '/bin/sh',
  args: ['-c', script],
  ...rest,
});
async function read(pipeline: Pipeline): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of pipeline.stream ?? []) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

describe('a child', () => {
  test('gets an environment built from nothing, and what it was given', async () => {
    process.env.PGPASSWORD = 'planted';
    try {
      const text = await runToEnd({ name: 'env', command: '/usr/bin/env', args: [], env: { GIVEN: '1' } });
      const names = text.split('\n').map((line) => line.split('=')[0]);
      expect(names.filter((name) => name !== '').sort()).toEqual(['GIVEN', 'LANG', 'PATH']);
    } finally {
      delete process.env.PGPASSWORD;
    }
  });

  test('that floods its standard error neither blocks nor is kept whole, and its secrets are struck out', async () => {
    const child = await Child.start({
      ...shell(
        'flood',
        'head -c 30000000 /dev/zero | tr "\\0" x >&2; echo >&2; for i in 1 2 3; do echo "my s3cret-word $i" >&2; done; exit 3',
      ),
      secrets: ['s3cret-word'],
    });
    const exit = await child.exited;
    expect(exit.code).toBe(3);
    expect(child.lines(3)).toEqual(['my *** 1', 'my *** 2', 'my *** 3']);
    expect(child.failure(exit).message).not.toContain('s3cret');
    expect(child.failure(exit).message.length).toBeLessThan(5000);
  });

  test('that ignores TERM is killed', { timeout: 20_000 }, async () => {
    const child = await Child.start({
      ...shell('stubborn', 'trap "" TERM; echo ready; while :; do sleep 1; done'),
      stdio: ['ignore', 'pipe'],
    });
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    await child.terminate();
    expect((await child.exited).signal).toBe('SIGKILL');
    expect(isAlive(child.pid)).toBe(false);
  });

  test('that does not exist is a missing tool or ends with 127', async () => {
    await expect(runToEnd({ name: 'nothing', command: '/nonexistent/program', args: [] })).rejects.toThrow(
      /nothing/,
    );
  });
});

describe('a pipeline', () => {
  test('passes bytes through kernel pipes, with a tee, and leaves no name behind', async () => {
    const pipeline = await start([
      shell('source', 'seq 1 200000', { stdout: { pipe: 'a' } }),
      {
        name: 'tee',
        command: 'tee',
        args: ['/dev/fd/3'],
        stdin: { pipe: 'a' },
        stdout: { pipe: 'b' },
        extra: { pipe: 'c' },
      },
      { name: 'tail', command: 'tail', args: ['-n', '1'], stdin: { pipe: 'b' }, stdout: 'tail' },
      { name: 'cat', command: 'cat', args: [], stdin: { pipe: 'c' }, stdout: 'stream' },
    ]);
    const text = await read(pipeline);
    await pipeline.finished;
    expect(text.split('\n').length).toBe(200001);
    expect(pipeline.tail('tail')).toBe('200000\n');
    expect(await readdir(scratch)).toEqual([]);
  });

  test('feeds what is written to its first program', async () => {
    const pipeline = await start([
      { name: 'cat', command: 'cat', args: [], stdin: 'feed', stdout: 'stream' },
    ]);
    pipeline.feed?.end('hello');
    expect(await read(pipeline)).toBe('hello');
    await pipeline.finished;
  });

  test.each([
    ['iterates', read],
    [
      'listens',
      async ({ stream }: Pipeline) => {
        let text = '';
        stream?.on('data', (piece: Buffer) => {
          text += piece.toString('utf8');
        });
        await new Promise((resolve) => stream?.once('end', resolve));
        return text;
      },
    ],
  ])('loses nothing to a reader who comes after its end, and %s', async (_, readLate) => {
    const pipeline = await start([shell('short', 'echo short', { stdout: 'stream' })]);
    await pipeline.finished;
    // Node throws away what nobody reads soon after the exit.
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await readLate(pipeline)).toBe('short\n');
    expect(pipeline.streamed).toBe(6);
  });

  test('names the program that failed, not the neighbours that its failure took down', async () => {
    const pipeline = await start([
      { name: 'endless', command: 'cat', args: ['/dev/zero'], stdout: { pipe: 'a' } },
      shell('culprit', 'head -c 1000 >/dev/null; echo "no more" >&2; exit 7', {
        stdin: { pipe: 'a' },
        stdout: 'stream',
      }),
    ]);
    await read(pipeline);
    const error = await pipeline.finished.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ChildFailedError);
    expect((error as ChildFailedError).message).toBe('culprit ended with exit code 7: no more');
  });

  test('whose first program is killed does not end well, though all others exit 0', async () => {
    const pipeline = await start([
      shell('victim', 'echo some; kill -9 $$', { stdout: { pipe: 'a' } }),
      { name: 'cat', command: 'cat', args: [], stdin: { pipe: 'a' }, stdout: 'stream' },
    ]);
    expect(await read(pipeline)).toBe('some\n');
    await expect(pipeline.finished).rejects.toThrow('victim ended with signal SIGKILL');
  });

  test('ends a program that would wait for ever when its neighbour has failed', async () => {
    const pipeline = await start([
      shell('sleeper', 'exec sleep 1000', { stdout: { pipe: 'a' } }),
      shell('culprit', 'exit 1', { stdin: { pipe: 'a' }, stdout: 'stream' }),
    ]);
    await read(pipeline);
    await expect(pipeline.finished).rejects.toThrow('culprit');
    expect(pipeline.children.some((child) => isAlive(child.pid))).toBe(false);
  });

  test('that is aborted leaves no program', async () => {
    const abort = new AbortController();
    const pipeline = await start(
      [
        { name: 'endless', command: 'cat', args: ['/dev/zero'], stdout: { pipe: 'a' } },
        { name: 'cat', command: 'cat', args: [], stdin: { pipe: 'a' }, stdout: 'stream' },
      ],
      abort.signal,
    );
    await new Promise((resolve) => pipeline.stream?.once('readable', resolve));
    abort.abort();
    await expect(pipeline.finished).rejects.toThrow('cancelled');
    expect(pipeline.children.some((child) => isAlive(child.pid))).toBe(false);
  });
});

test('children die with the process that started them', { skip: process.platform !== 'linux' }, async () => {
  const script = `
    import { Child } from ${JSON.stringify(join(import.meta.dirname, '../../engines/process/child.ts'))};
    const child = await Child.start({ name: 'sleep', command: 'sleep', args: ['1000'] });
    (await import('node:fs')).writeFileSync(${JSON.stringify(join(scratch, 'pid'))}, String(child.pid));
    process.kill(process.pid, 'SIGKILL');`;
  const parent = await Child.start({
    name: 'node',
    command: process.execPath,
    args: ['--input-type=module', '-e', script],
  });
  expect((await parent.exited).signal, parent.lines().join('\n')).toBe('SIGKILL');
  const pid = Number(await readFile(join(scratch, 'pid'), 'utf8'));
  await until(() => !isAlive(pid), { what: 'the child of the dead parent to be gone' });
});
