import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreSource, RunContext } from '../engine.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { ownProgram } from '../process/own-program.ts';
import { Pipeline } from '../process/pipeline.ts';
import type { AttributeReport } from './attribute-check-main.ts';
import type { ChoiceDocument } from './choice.ts';
import { unlessStalled } from './stall.ts';
import { indexStream } from './stream-names.ts';
import { attributeArguments, findGnuTar, plainWords } from './tools.ts';
import type { CheckReport } from './tree-check-main.ts';

/**
 * Reads a restored tree back and compares it with the backup's index: every file, its content by its hash, its attributes as
 * tar reads them, who brought them.
 * @param members how many were written, so that nothing is there beyond the index
 * @returns what is worth telling about it
 * @throws BackupctlError corrupt where it is another
 */
export async function checkTree(
  tree: string,
  choice: ChoiceDocument,
  members: number,
  source: RestoreSource,
  run: RunContext,
): Promise<string[]> {
  const [tar, zstd] = [await findGnuTar(), await findProgram('zstd')];
  const name = randomUUID();
  const choiceFile = join(run.scratch, `choice-${name}.json`);
  const reportFile = join(run.scratch, `check-${name}.json`);
  const attributesFile = join(run.scratch, `attributes-${name}.json`);
  const entriesFile = join(run.scratch, `attributes-${name}.entries`);
  await writeFile(choiceFile, JSON.stringify(choice), { mode: 0o600, flag: 'wx' });
  await writeFile(entriesFile, '', { mode: 0o600, flag: 'wx' });
  const stream = await source.open(indexStream);
  stream.on('error', () => {}); // who reads it sees it; nobody may be reading yet
  await unlessStalled(run, async (signal, signs) => {
    const pipeline = await Pipeline.start({
      scratch: run.scratch,
      signal,
      stages: [
        { name: 'zstd', command: zstd, args: ['-dcq'], stdin: 'feed', stdout: { pipe: 'lines' } },
        {
          ...ownProgram(import.meta.dirname, 'tree-check-main', [choiceFile, reportFile, entriesFile]),
          stdin: { pipe: 'lines' },
          stdout: { pipe: 'names' },
          cwd: tree,
        },
        {
          name: 'tar',
          command: tar.path,
          args: [
            ...plainWords,
            '--create',
            '--file=-',
            '--format=posix',
            '--sparse',
            '--sparse-version=1.0',
            ...attributeArguments,
            '--no-recursion',
            '--ignore-failed-read',
            '--null',
            '--no-unquote',
            '--files-from=-',
          ],
          stdin: { pipe: 'names' },
          stdout: { pipe: 'archive' },
          cwd: tree,
          goodExits: [1, 2], // what it cannot read is missing then, and counted
        },
        {
          ...ownProgram(import.meta.dirname, 'attribute-check-main', [
            entriesFile,
            attributesFile,
            choice.asRoot ? 'root' : 'user',
          ]),
          stdin: { pipe: 'archive' },
        },
      ],
    }).catch((error: unknown) => {
      stream.destroy();
      throw error;
    });
    signs.watch(pipeline.children);
    try {
      await feed(stream, pipeline, (bytes) => signs.moved(bytes));
    } finally {
      await pipeline.terminate();
    }
  });
  const report = JSON.parse(await readFile(reportFile, 'utf8')) as CheckReport;
  const { checked, differences, metadata, unread, uncompared } = report;
  const attributes = JSON.parse(await readFile(attributesFile, 'utf8')) as AttributeReport;
  await rm(entriesFile, { force: true });
  if (differences.length === 0 && checked !== members) {
    differences.push(`${members} files were written, and ${checked} are in the index`);
  }
  if (differences.length > 0) {
    throw new BackupctlError('corrupt', `not all came back: ${differences.slice(0, 5).join('; ')}`);
  }
  return [
    `checked: ${checked} files and directories, ${report.bytes} bytes by their hashes`,
    ...Object.entries(metadata).map(
      ([what, { count, first }]) =>
        `the ${what} of ${count} could not be made what it was (such as ${first})`,
    ),
    ...(attributes.other > 0
      ? [
          `the attributes and ACLs of ${attributes.other} could not be made what they were (such as ${attributes.first})`,
        ]
      : []),
    ...(attributes.unread > 0
      ? [`the attributes and ACLs of ${attributes.unread} could not be read back`]
      : []),
    ...(uncompared > 0
      ? [`the attributes and ACLs of ${uncompared} were not compared: the backup has only their names`]
      : []),
    ...(unread > 0 ? [`${unread} files could not be read back`] : []),
  ];
}
