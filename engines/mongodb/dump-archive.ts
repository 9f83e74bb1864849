import { messageOf } from '../../errors/backupctl-error.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpSink, RunContext, Target } from '../engine.ts';
import { compressionLevel } from '../process/compression.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { archiveCheck } from './archive/check-stage.ts';
import type { ArchiveSummary } from './archive/reader.ts';
import { type Maker, makerStage } from './dump-maker.ts';
import { withToolAccess } from './tool-access.ts';

export interface ArchiveDump {
  target: Target;
  /** Of the one member that is dumped, `host:port`; null: the URL says it. */
  member: string | null;
  stream: string;
  maker: Maker;
  sink: DumpSink;
  run: RunContext;
}

/**
 * Writes one archive: its maker through `tee` into zstd and into a reader that follows its structure and checksums, since
 * mongodump's exit code alone says nothing of what arrived.
 */
export async function dumpArchive({
  target,
  member,
  stream: name,
  maker,
  sink,
  run,
}: ArchiveDump): Promise<{ objects: ObjectRecord[]; summary: ArchiveSummary }> {
  const [tee, zstd] = [await findProgram('tee'), await findProgram('zstd')];
  const check = archiveCheck('check', run.scratch);
  const made = await makerStage(maker, run.scratch);
  try {
    return await withToolAccess(
      target,
      run,
      member === null ? {} : { member },
      async ({ args, env, secrets }) => {
        const pipeline = await Pipeline.start({
          scratch: run.scratch,
          signal: run.signal,
          stages: [
            { ...made.stage(args), env, secrets, stdout: { pipe: 'archive' } },
            {
              name: 'tee',
              command: tee,
              args: ['/dev/fd/3'],
              stdin: { pipe: 'archive' },
              stdout: { pipe: 'check' },
              extra: { pipe: 'compress' },
            },
            check.stage,
            {
              name: 'zstd',
              command: zstd,
              args: ['-q', compressionLevel, '--check', '-c'],
              stdin: { pipe: 'compress' },
              stdout: 'stream',
            },
          ],
        });
        const { stream, finished } = pipeline;
        if (stream === null) throw new Error('the last stage streams');
        finished.catch((error) => run.log.warn(`the dump of ${name} did not end well: ${messageOf(error)}`));
        try {
          const objects = await sink.write(name, {
            stream,
            finished,
            brought: () => pipeline.streamed,
            frames: 'zstd',
            disposable: true,
          });
          return { objects, summary: await check.summary() };
        } finally {
          stream.destroy();
          await pipeline.terminate(); // all have ended, but where the upload failed
        }
      },
    );
  } finally {
    await made.remove();
    await check.remove();
  }
}
