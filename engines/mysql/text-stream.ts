import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpSink, RestoreSource, RunContext } from '../engine.ts';
import { compressionLevel } from '../process/compression.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';

/** Writes a text of ours as a compressed stream of a backup. */
export async function writeText(
  stream: string,
  text: string,
  sink: DumpSink,
  run: RunContext,
): Promise<ObjectRecord[]> {
  const pipeline = await Pipeline.start({
    scratch: run.scratch,
    signal: run.signal,
    stages: [
      {
        name: 'zstd',
        command: await findProgram('zstd'),
        args: ['-q', compressionLevel, '--check', '-c'],
        stdin: 'feed',
        stdout: 'stream',
      },
    ],
  });
  if (pipeline.stream === null || pipeline.feed === null) throw new Error('it is fed, and streams');
  pipeline.feed.end(text);
  try {
    return await sink.write(stream, {
      stream: pipeline.stream,
      finished: pipeline.finished,
      brought: () => pipeline.streamed,
      frames: 'zstd',
      disposable: true,
    });
  } finally {
    pipeline.stream.destroy();
    await pipeline.terminate();
  }
}

/** The text of such a stream; its hashes have matched. */
export async function readText(source: RestoreSource, stream: string, run: RunContext): Promise<string> {
  const pipeline = await Pipeline.start({
    scratch: run.scratch,
    signal: run.signal,
    stages: [
      { name: 'zstd', command: await findProgram('zstd'), args: ['-dcq'], stdin: 'feed', stdout: 'stream' },
    ],
  });
  const output = pipeline.stream;
  if (output === null) throw new Error('the last stage streams');
  const pieces: Buffer[] = [];
  const read = (async () => {
    for await (const piece of output as AsyncIterable<Buffer>) pieces.push(piece);
  })();
  read.catch(() => {});
  try {
    await feed(await source.open(stream), pipeline, () => {});
    await read;
    return Buffer.concat(pieces).toString('utf8');
  } finally {
    await pipeline.terminate();
  }
}
