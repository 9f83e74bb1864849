import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpSink, RunContext, Target } from '../engine.ts';
import { compressionLevel } from '../process/compression.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { toolError } from './errors.ts';
import { conninfo, withToolAccess } from './passfile.ts';
import { globalsStream } from './stream-name.ts';
import type { PostgresTools } from './tools.ts';

const trailer = '-- PostgreSQL database cluster dump complete';

/**
 * Dumps roles, their memberships and settings, and tablespaces as SQL. It is whole when pg_dumpall's last words are
 * its trailer.
 * @param passwords whether the user may read the passwords of roles; without them, they are left out
 */
export async function dumpGlobals(
  target: Target,
  { database, passwords, tools }: { database: string; passwords: boolean; tools: PostgresTools },
  sink: DumpSink,
  run: RunContext,
): Promise<ObjectRecord[]> {
  const [tee, tail, zstd] = [await findProgram('tee'), await findProgram('tail'), await findProgram('zstd')];
  return withToolAccess(target, run, null, async ({ env, secrets }) => {
    const pipeline = await Pipeline.start({
      scratch: run.scratch,
      signal: run.signal,
      stages: [
        {
          name: 'pg_dumpall',
          command: tools.pgDumpall,
          args: [
            '--globals-only',
            '--no-password',
            `--database=${conninfo(database)}`,
            ...(passwords ? [] : ['--no-role-passwords']),
          ],
          env,
          secrets,
          stdout: { pipe: 'dump' },
        },
        {
          name: 'tee',
          command: tee,
          args: ['/dev/fd/3'],
          stdin: { pipe: 'dump' },
          stdout: { pipe: 'check' },
          extra: { pipe: 'compress' },
        },
        { name: 'tail', command: tail, args: ['-n', '5'], stdin: { pipe: 'check' }, stdout: 'tail' },
        {
          name: 'zstd',
          command: zstd,
          args: ['-q', compressionLevel, '--check', '-c'],
          stdin: { pipe: 'compress' },
          stdout: 'stream',
        },
      ],
    });
    const { stream } = pipeline;
    if (stream === null) throw new Error('the last stage streams');
    const finished = pipeline.finished.then(
      () => {
        if (pipeline.tail('tail').split('\n').includes(trailer)) return;
        throw new BackupctlError(
          'failed',
          'pg_dumpall ended without its trailer: the dump of the globals is cut',
        );
      },
      (error) => {
        throw toolError(error, 'globals');
      },
    );
    finished.catch(() => {}); // the sink waits for it
    try {
      return await sink.write(globalsStream, {
        stream,
        finished,
        brought: () => pipeline.streamed,
        frames: 'zstd',
        disposable: true,
      });
    } finally {
      stream.destroy();
      await pipeline.terminate();
    }
  });
}
