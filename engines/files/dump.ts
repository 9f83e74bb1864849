import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpOutcome, DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import { compressionLevel } from '../process/compression.ts';
import { findProgram, versionOf } from '../process/find.ts';
import { ownProgram } from '../process/own-program.ts';
import { Pipeline } from '../process/pipeline.ts';
import { Complaints } from './complaints.ts';
import { checkRoot } from './root.ts';
import { dataStream, indexStream } from './stream-names.ts';
import { tarArguments } from './tar-arguments.ts';
import type { ArchiveReport } from './tar-index-main.ts';
import { findGnuTar } from './tools.ts';
import { parseFilesUrl } from './url.ts';

/**
 * Takes a whole backup of a tree: tar, a reader of ours, zstd. The reader passes on what it reads, checks the archive to its
 * end, and writes a line for each file into a stream of its own. (`tee` before it would cost more than it does: its pieces
 * are small.)
 * @throws BackupctlError
 */
export async function dump(
  target: Target,
  request: DumpRequest,
  sink: DumpSink,
  run: RunContext,
): Promise<DumpOutcome> {
  const url = parseFilesUrl(target.url);
  await checkRoot(url.path);
  const [tar, zstd] = [await findGnuTar(), await findProgram('zstd')];
  const args = await tarArguments(url, request.selection);
  const complaints = new Complaints(url.unreadable);
  const startedAt = new Date();
  const isRoot = process.geteuid?.() === 0;
  run.log.info(`the tree ${url.path}, by GNU tar ${tar.version}${isRoot ? '' : ', not as root'}`);
  const { objects, report } = await stream({ tar: tar.path, zstd, args }, complaints, sink, run);
  const { selection } = request;
  const { files, directories, bytes, stored } = report;
  objects.push(
    await sink.writeIndex('index', {
      format: 1,
      engine: 'files',
      path: url.path,
      files_in: indexStream,
      selection,
      ...report,
    }),
  );
  run.log.info('the tree is read', { files, directories, bytes });
  return {
    engineVersion: tar.version,
    method: 'logical',
    position: null,
    contents: [{ name: url.path, stream: dataStream, size: bytes }],
    objects,
    tools: [
      { name: 'tar', version: tar.version, role: 'made' },
      { name: 'zstd', version: (await versionOf(zstd))?.version ?? 'unknown', role: 'made' },
      { name: 'tar', version: '1.29', role: 'needed' },
    ],
    details: {
      path: url.path,
      files,
      directories,
      /** What a restore writes: without holes. */
      stored,
      as_root: isRoot,
      /** Files are read one after the other. */
      one_instant: false,
      ...complaints.details(),
      ...(url.exclude.length === 0 ? {} : { exclude: url.exclude }),
      ...(Object.keys(selection).length === 0 ? {} : { selection }),
    },
    warnings: [
      // As where a disk was not mounted: retention must not let the last whole ones go unseen.
      ...(files + directories === 1 ? [`${url.path} is empty, and so is this backup of it`] : []),
      ...complaints.warnings(),
    ],
    startedAt,
  };
}

interface Programs {
  tar: string;
  zstd: string;
  args: readonly string[];
}

async function stream(
  { tar, zstd, args }: Programs,
  complaints: Complaints,
  sink: DumpSink,
  run: RunContext,
): Promise<{ objects: ObjectRecord[]; report: ArchiveReport }> {
  const reportFile = join(run.scratch, `archive-${randomUUID()}.json`);
  const compress = ['-q', compressionLevel, '--check', '-c'];
  const stop = new AbortController();
  const pipeline = await Pipeline.start({
    scratch: run.scratch,
    signal: AbortSignal.any([run.signal, stop.signal]),
    stages: [
      {
        name: 'tar',
        command: tar,
        args,
        stdout: { pipe: 'archive' },
        goodExits: [1, 2],
        onErrorLine: (line) => complaints.add(line),
      },
      {
        ...ownProgram(import.meta.dirname, 'tar-index-main', [reportFile]),
        stdin: { pipe: 'archive' },
        stdout: { pipe: 'lines' },
        extra: { pipe: 'data' },
      },
      { name: 'zstd', command: zstd, args: compress, stdin: { pipe: 'data' }, stdout: 'stream' },
      {
        name: 'zstd (of the index)',
        command: zstd,
        args: compress,
        stdin: { pipe: 'lines' },
        stdout: 'stream',
      },
    ],
  });
  const [archiver] = pipeline.children;
  const finished = pipeline.finished.then(
    async () => {
      const exit = await archiver?.exited;
      if (archiver === undefined || exit === undefined) throw new Error('tar was started');
      complaints.judge(exit.code ?? -1, () => archiver.failure(exit));
    },
    (error: unknown) => {
      // What tar could not read says more than what its reader missed.
      if (!run.signal.aborted && !stop.signal.aborted) complaints.judge(0);
      throw error;
    },
  );
  finished.catch(() => {}); // both uploads see it
  const write = async (name: string, stage: string, role: ObjectRecord['role']) => {
    const output = pipeline.streams.get(stage);
    if (output === undefined) throw new Error(`${stage} streams`);
    try {
      return await sink.write(name, {
        stream: output,
        finished,
        brought: () => pipeline.streamedBy(stage),
        frames: 'zstd',
        role,
        disposable: true,
      });
    } catch (error) {
      // The other upload would wait for programs that wait for this one.
      stop.abort(error);
      throw error;
    }
  };
  try {
    const uploads = await Promise.allSettled([
      write(dataStream, 'zstd', 'data'),
      write(indexStream, 'zstd (of the index)', 'index'),
    ]);
    if (stop.signal.aborted) throw stop.signal.reason;
    const objects = uploads.flatMap((upload) => (upload.status === 'fulfilled' ? upload.value : []));
    return { objects, report: JSON.parse(await readFile(reportFile, 'utf8')) as ArchiveReport };
  } finally {
    for (const output of pipeline.streams.values()) output.destroy();
    await pipeline.terminate(); // all have ended, but where an upload failed
  }
}
