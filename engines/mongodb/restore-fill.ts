import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RestoreSource, RunContext, Target } from '../engine.ts';
import { feed } from '../process/feed.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { archiveCheck } from './archive/check-stage.ts';
import type { ArchiveSummary } from './archive/reader.ts';
import type { IndexedDatabase } from './backup-index.ts';
import type { RestoreWatch } from './restore-watch.ts';
import { withToolAccess } from './tool-access.ts';
import { findTool } from './tools.ts';

/** A database of an archive, and into which it goes. */
export interface Filling {
  database: IndexedDatabase;
  filled: string;
  /** Only the collections that `database` names; otherwise all. */
  partial: boolean;
}

export interface Filled {
  summary: ArchiveSummary;
  /** A file with the entries of its oplog. */
  oplog: string;
}

/**
 * Restores databases of one archive under other names, without indexes: `zstd -d | tee | mongorestore`, and beside it a
 * reader that checks the archive and keeps its oplog. Resolves when the whole stream was read, its hashes matched, the
 * archive was whole and every program exited 0. The file of the oplog is the caller's to remove.
 */
export async function fillDatabases(
  target: Target,
  stream: string,
  fillings: readonly Filling[],
  source: RestoreSource,
  { run, watch, onBytes }: { run: RunContext; watch: RestoreWatch; onBytes(bytes: number): void },
): Promise<Filled> {
  watch.filling(fillings.map(({ filled }) => filled));
  return pour(target, await source.open(stream), fillings.flatMap(namespaceArguments), {
    run,
    watch,
    onBytes,
  });
}

/** Users and roles of an archive: those that are missing. */
export async function fillGlobals(
  target: Target,
  stream: string,
  source: RestoreSource,
  { run, watch, onBytes }: { run: RunContext; watch: RestoreWatch; onBytes(bytes: number): void },
): Promise<void> {
  watch.filling([]);
  const what = ['--nsInclude=admin.system.users', '--nsInclude=admin.system.roles'];
  const { oplog } = await pour(target, await source.open(stream), what, { run, watch, onBytes });
  await rm(oplog, { force: true });
}

async function pour(
  target: Target,
  opened: Awaited<ReturnType<RestoreSource['open']>>,
  what: readonly string[],
  { run, watch, onBytes }: { run: RunContext; watch: RestoreWatch; onBytes(bytes: number): void },
): Promise<Filled> {
  const mongorestore = await findTool('mongorestore');
  const [tee, zstd] = [await findProgram('tee'), await findProgram('zstd')];
  const oplog = join(run.scratch, `oplog-${randomUUID()}.bson`);
  const check = archiveCheck('check', run.scratch, oplog);
  try {
    await withToolAccess(target, run, {}, async ({ args, env, secrets }) => {
      let pipeline: Pipeline | undefined;
      try {
        pipeline = await Pipeline.start({
          scratch: run.scratch,
          signal: watch.signal,
          stages: [
            { name: 'zstd', command: zstd, args: ['-dcq'], stdin: 'feed', stdout: { pipe: 'archive' } },
            {
              name: 'tee',
              command: tee,
              args: ['/dev/fd/3'],
              stdin: { pipe: 'archive' },
              stdout: { pipe: 'restore' },
              extra: { pipe: 'check' },
            },
            {
              name: 'mongorestore',
              command: mongorestore.path,
              args: [
                ...args,
                '--archive',
                '--stopOnError',
                '--noIndexRestore',
                '--bypassDocumentValidation',
                ...what,
              ],
              env,
              secrets,
              stdin: { pipe: 'restore' },
            },
            check.stage,
          ],
        });
        await feed(opened, pipeline, (bytes) => {
          watch.moved();
          onBytes(bytes);
        });
      } catch (error) {
        await pipeline?.terminate();
        opened.destroy();
        throw error;
      }
    });
    return { summary: await check.summary(), oplog };
  } catch (error) {
    await rm(oplog, { force: true });
    throw error;
  } finally {
    await check.remove();
  }
}

/** Words of mongorestore for what goes where. */
function namespaceArguments({ database: { name, collections }, filled, partial }: Filling): string[] {
  const from = escaped(name);
  const included = partial
    ? collections.flatMap(({ name: collection, type }) => [
        `${from}.${escaped(collection)}`,
        ...(type === 'timeseries' ? [`${from}.system.buckets.${escaped(collection)}`] : []),
      ])
    : [`${from}.*`];
  return [
    ...included.map((namespace) => `--nsInclude=${namespace}`),
    ...(filled === name ? [] : [`--nsFrom=${from}.*`, `--nsTo=${escaped(filled)}.*`]),
  ];
}

/** In a pattern of mongorestore, a star and a backslash that are meant literally. */
export function escaped(name: string): string {
  return name.replace(/[\\*]/g, '\\$&');
}
