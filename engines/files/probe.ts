import { messageOf } from '../../errors/backupctl-error.ts';
import type { Probe, RunContext, Target } from '../engine.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { checkRoot, mountsBelow } from './root.ts';
import { findGnuTar } from './tools.ts';
import { type FilesUrl, parseFilesUrl } from './url.ts';

/** How long a tree is measured. */
const patience = 5_000;

/** Looks whether the tree can be read, and how large it is, as far as that can be seen in a few seconds. @throws BackupctlError */
export async function probe(target: Target, run: RunContext): Promise<Probe> {
  const url = parseFilesUrl(target.url);
  await checkRoot(url.path);
  const tar = await findGnuTar();
  await findProgram('zstd');
  const [measured, mounts] = await Promise.all([measure(url, run), mountsBelow(url.path)]);
  return {
    version: tar.version,
    size: measured.size,
    databases: [url.path],
    warnings: [
      ...(process.geteuid?.() === 0
        ? []
        : [
            'the worker is not root: what it may not read fails a backup, and a restore gives no file its owner',
          ]),
      ...measured.warnings,
      ...(url.crossMounts
        ? []
        : mounts
            .slice(0, 20)
            .map((mount) => `${mount} is another file system, and left out (mounts=cross takes it)`)),
    ],
  };
}

/** Bytes that the tree's files take on their disk; null where that takes too long to say. */
async function measure(url: FilesUrl, run: RunContext): Promise<{ size: number | null; warnings: string[] }> {
  const unreadable: string[] = [];
  let count = 0;
  const limit = AbortSignal.timeout(patience);
  const du = await findProgram('du').catch(() => null);
  if (du === null) return { size: null, warnings: [] };
  const pipeline = await Pipeline.start({
    scratch: run.scratch,
    signal: AbortSignal.any([run.signal, limit]),
    stages: [
      {
        name: 'du',
        command: du,
        args: ['-sk', ...(url.crossMounts ? [] : ['-x']), '--', url.path],
        stdout: 'tail',
        goodExits: [1],
        onErrorLine: (line) => {
          const path = /^\S*du: cannot (?:read directory|access) (.*): .*$/.exec(line)?.[1];
          if (path === undefined) return;
          count += 1;
          if (unreadable.length < 5) unreadable.push(path);
        },
      },
    ],
  });
  try {
    await pipeline.finished;
  } catch (error) {
    run.signal.throwIfAborted();
    const why = limit.aborted ? `it was not measured in ${patience / 1000} s` : messageOf(error);
    return { size: null, warnings: [`the size of ${url.path} is not known: ${why}`] };
  }
  const kibibytes = Number(/^(\d+)/.exec(pipeline.tail('du'))?.[1] ?? Number.NaN);
  return {
    size: Number.isNaN(kibibytes) ? null : kibibytes * 1024,
    warnings:
      count === 0
        ? []
        : [`${count} directories cannot be read, and a backup would fail: ${unreadable.join(', ')}`],
  };
}
