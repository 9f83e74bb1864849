import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestoreSource, RunContext } from '../engine.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { ownProgram } from '../process/own-program.ts';
import { Pipeline } from '../process/pipeline.ts';
import type { ChoiceDocument } from './choice.ts';
import { unlessStalled } from './stall.ts';
import { dataStream } from './stream-names.ts';
import type { FilterReport } from './tar-filter-main.ts';
import { attributeArguments, findGnuTar, plainWords } from './tools.ts';

/**
 * Fills an empty directory with what is wanted of a backup: zstd, a filter of ours (see `tar-filter-main.ts`), tar.
 * @throws BackupctlError
 */
export async function extract(
  tree: string,
  choice: ChoiceDocument,
  source: RestoreSource,
  run: RunContext,
  onBytes: (bytes: number) => void,
): Promise<{ members: number; notes: string[] }> {
  const [tar, zstd] = [await findGnuTar(), await findProgram('zstd')];
  const name = randomUUID();
  const choiceFile = join(run.scratch, `choice-${name}.json`);
  const reportFile = join(run.scratch, `filter-${name}.json`);
  await writeFile(choiceFile, JSON.stringify(choice), { mode: 0o600, flag: 'wx' });
  const said: string[] = [];
  let more = 0;
  const stream = await source.open(dataStream);
  stream.on('error', () => {}); // who reads it sees it; nobody may be reading yet
  const start = (signal: AbortSignal) =>
    Pipeline.start({
      scratch: run.scratch,
      signal,
      stages: [
        { name: 'zstd', command: zstd, args: ['-dcq'], stdin: 'feed', stdout: { pipe: 'archive' } },
        {
          ...ownProgram(import.meta.dirname, 'tar-filter-main', [choiceFile, reportFile]),
          stdin: { pipe: 'archive' },
          stdout: { pipe: 'filtered' },
        },
        {
          name: 'tar',
          command: tar.path,
          args: [
            ...plainWords,
            '--extract',
            '--file=-',
            '--preserve-permissions',
            ...attributeArguments,
            choice.asRoot ? '--same-owner' : '--no-same-owner',
            '--warning=no-timestamp',
            // A file may come before the directory that it lies in, where it has the name of a link of its own.
            ...(Object.keys(choice.renames).length > 0 ? ['--delay-directory-restore'] : []),
            `--directory=${tree}`,
          ],
          stdin: { pipe: 'filtered' },
          onErrorLine: (line) => {
            if (said.length < 20) said.push(line.replace(/^\S*tar: /, ''));
            else more += 1;
          },
        },
      ],
    });
  await unlessStalled(run, async (signal, signs) => {
    const pipeline = await start(signal).catch((error: unknown) => {
      stream.destroy();
      throw error;
    });
    signs.watch(pipeline.children);
    try {
      await feed(stream, pipeline, (bytes) => {
        signs.moved(bytes);
        onBytes(bytes);
      });
    } finally {
      await pipeline.terminate();
    }
  });
  const report = JSON.parse(await readFile(reportFile, 'utf8')) as FilterReport;
  const notes: string[] = [];
  if (report.devices > 0)
    notes.push(
      `${report.devices} devices were left out, since the worker is not root: ${report.names.slice(0, 5).join(', ')}`,
    );
  if (report.attributes > 0)
    notes.push(`${report.attributes} attributes were left out that only root may set`);
  if (said.length > 0)
    notes.push(
      `tar said: ${said.slice(0, 5).join('; ')}${said.length + more > 5 ? `; and ${said.length + more - 5} more` : ''}`,
    );
  return { members: report.members, notes };
}
