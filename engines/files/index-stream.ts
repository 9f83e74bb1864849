import type { Readable } from 'node:stream';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import type { IndexEnd, IndexedFile } from './index-line.ts';

/**
 * The lines of an index, of which only one is held at a time.
 * @param compressed as `open` gives it
 * @throws BackupctlError corrupt where it is not whole, missing-tool without zstd
 */
export async function* readIndex(compressed: Readable): AsyncGenerator<IndexedFile, void, void> {
  compressed.on('error', () => {}); // who reads it sees it; nobody may be reading yet
  const zstd = await findProgram('zstd');
  const stop = new AbortController();
  const pipeline = await Pipeline.start({
    scratch: '/', // no pipes between programs
    signal: stop.signal,
    stages: [{ name: 'zstd', command: zstd, args: ['-dcq'], stdin: 'feed', stdout: 'stream' }],
  });
  const fed = feed(compressed, pipeline, () => {});
  fed.catch(() => {}); // seen at the end
  let end: IndexEnd | null = null;
  try {
    for await (const line of linesOf(pipeline.stream)) {
      if (end !== null) throw notWhole();
      const parsed = JSON.parse(line) as IndexedFile | IndexEnd;
      if ('end' in parsed) end = parsed;
      else yield parsed;
    }
    await fed;
    if (end === null) throw notWhole();
  } finally {
    stop.abort();
    compressed.destroy();
    await pipeline.terminate();
  }
}

async function* linesOf(stream: Readable | null): AsyncGenerator<string, void, void> {
  let rest: Buffer[] = [];
  for await (const piece of (stream ?? []) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, from)) {
      yield Buffer.concat([...rest, piece.subarray(from, at)]).toString('utf8');
      rest = [];
      from = at + 1;
    }
    if (from < piece.length) rest.push(Buffer.from(piece.subarray(from)));
  }
  if (rest.length > 0) throw notWhole();
}

function notWhole(): BackupctlError {
  return new BackupctlError('corrupt', 'the index of the backup has no end');
}
