import type { Readable } from 'node:stream';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { giveBack } from '../../repository/spent.ts';
import { ChildFailedError } from './child.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Writes a backup's stream into the first program of a pipeline and waits for the end of both. Resolves only when the
 * stream came to its clean end (every segment's hash has matched) and every program has exited 0. A stream that breaks
 * never looks like an end of input: the programs are ended instead.
 */
export async function feed(
  source: Readable,
  pipeline: Pipeline,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const input = pipeline.feed;
  if (input === null) throw new Error('the pipeline has nothing to feed');
  let broken: unknown = null;
  let programsEnded = false;
  const ended = pipeline.finished.then(
    () => null,
    (error: unknown) => error,
  );
  void ended.then(() => {
    programsEnded = true;
    // The reader of the source would otherwise wait for room in a pipe that nobody empties.
    if (!source.readableEnded) source.destroy();
  });
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      if (programsEnded) break;
      onBytes(piece.length);
      if (!input.write(piece, () => giveBack(piece))) await drained(input, ended);
    }
    if (!source.readableEnded && !programsEnded) throw new Error('the stream ended early');
  } catch (error) {
    if (!programsEnded) broken = error;
  }
  if (broken !== null) {
    await pipeline.terminate();
    await ended;
    throw broken;
  }
  const clean = source.readableEnded;
  input.end();
  const failure = await ended;
  if (failure !== null) throw clean ? notWhole(failure) : failure;
  if (!clean) throw new Error('the programs ended before the stream did');
}

/** Of bytes that are those of the manifest, what zstd cannot read was never whole: no other attempt can read it. */
function notWhole(failure: unknown): unknown {
  if (!(failure instanceof ChildFailedError) || failure.exit.name !== 'zstd') return failure;
  const words = failure.lines.join(' ');
  if (!/unexpected end|premature end|corrupt|checksum|unsupported format|unknown frame/i.test(words)) {
    return failure;
  }
  return new BackupctlError('corrupt', `the backup was not whole when it was stored: ${words}`, {
    cause: failure,
    hint: 'restore another backup; `backupctl backup-verify` says which are whole',
  });
}

function drained(input: NodeJS.WritableStream, ended: Promise<unknown>): Promise<unknown> {
  return Promise.race([new Promise((resolve) => input.once('drain', resolve)), ended]);
}
