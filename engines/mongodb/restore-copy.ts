import type { MongoClient } from 'mongodb';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RunContext, Target } from '../engine.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import { archiveCheck } from './archive/check-stage.ts';
import { indexSpecifications } from './ordered-json.ts';
import { escaped } from './restore-fill.ts';
import { compareIndexes, createIndexes, type WantedIndexes } from './restore-indexes.ts';
import { listCollections } from './server.ts';
import { withToolAccess } from './tool-access.ts';
import { findTool } from './tools.ts';

/**
 * Copies collections into another database of the same server: mongodump straight into mongorestore, checked as it passes;
 * then indexes, then numbers of documents. The copies must not be there before.
 * @throws BackupctlError corrupt where a copy is not what was copied
 */
export async function copyCollections(
  target: Target,
  client: MongoClient,
  { from, to, collections }: { from: string; to: string; collections: readonly string[] },
  run: RunContext,
): Promise<void> {
  const [mongodump, mongorestore] = [await findTool('mongodump'), await findTool('mongorestore')];
  const tee = await findProgram('tee');
  const others = (await listCollections(client, from)).filter((name) => !collections.includes(name));
  const check = archiveCheck('check', run.scratch);
  try {
    await withToolAccess(target, run, {}, async ({ args, env, secrets }) => {
      const pipeline = await Pipeline.start({
        scratch: run.scratch,
        signal: run.signal,
        stages: [
          {
            name: 'mongodump',
            command: mongodump.path,
            args: [
              ...args,
              '--archive',
              `--db=${from}`,
              ...others.map((name) => `--excludeCollection=${name}`),
            ],
            env,
            secrets,
            stdout: { pipe: 'archive' },
          },
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
              `--nsFrom=${escaped(from)}.*`,
              `--nsTo=${escaped(to)}.*`,
            ],
            env,
            secrets,
            stdin: { pipe: 'restore' },
          },
          check.stage,
        ],
      });
      try {
        await pipeline.finished;
      } finally {
        await pipeline.terminate();
      }
    });
    const summary = await check.summary();
    const indexes: WantedIndexes = new Map();
    for (const { collection, metadata } of summary.collections) {
      indexes.set(collection, indexSpecifications(metadata));
    }
    const differences: string[] = [];
    for (const { collection, documents } of summary.data) {
      const now = await client.db(to).collection(collection).countDocuments({});
      if (now !== documents)
        differences.push(`${collection} has ${documents} documents, and its copy ${now}`);
    }
    await createIndexes(client, to, indexes);
    differences.push(...(await compareIndexes(client, to, indexes)));
    if (differences.length > 0) {
      throw new BackupctlError(
        'corrupt',
        `${from} was not copied whole: ${differences.slice(0, 5).join('; ')}`,
      );
    }
  } finally {
    await check.remove();
  }
}
