import type { Readable } from 'node:stream';
import { giveBack } from '../../repository/spent.ts';
import type { Pipeline } from '../process/pipeline.ts';

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
  if (failure !== null) throw failure;
  if (!clean) throw new Error('the programs ended before the stream did');
}

function drained(input: NodeJS.WritableStream, ended: Promise<unknown>): Promise<unknown> {
  return Promise.race([new Promise((resolve) => input.once('drain', resolve)), ended]);
}
