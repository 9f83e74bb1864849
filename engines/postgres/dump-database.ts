import { messageOf } from '../../errors/backupctl-error.ts';
import type { ObjectRecord } from '../../repository/manifest.ts';
import type { DumpRequest, DumpSink, RunContext, Target } from '../engine.ts';
import { compressionLevel } from '../process/compression.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import type { IndexedDatabase } from './backup-index.ts';
import { queryError, toolError } from './errors.ts';
import { type Inventory, readInventory } from './inventory.ts';
import { LockWatch } from './lock-watch.ts';
import { withToolAccess } from './passfile.ts';
import { selectionArguments, selects } from './pattern.ts';
import { readLacks, refuseHidden } from './privileges.ts';
import { readProperties } from './properties.ts';
import { Snapshot } from './snapshot.ts';
import { databaseStream } from './stream-name.ts';
import type { PostgresTools } from './tools.ts';

/** Tables up to this size (heap, TOAST and indexes) have their rows counted; larger ones show the planner's estimate. */
const countUpToBytes = 1024 * 1024 * 1024;

export interface DatabaseDump {
  target: Target;
  database: string;
  /** Who we are on the server, for messages. */
  user: string;
  request: DumpRequest;
  tools: PostgresTools;
  sink: DumpSink;
  run: RunContext;
}

export interface DumpedDatabase {
  indexed: IndexedDatabase;
  objects: ObjectRecord[];
  warnings: string[];
}

/**
 * Dumps one database: pg_dump in the custom format through `tee` into zstd and into a pg_restore that reads it whole,
 * since that format has no trailer. The index comes from the same snapshot; rows are counted while pg_dump runs.
 */
export async function dumpDatabase(options: DatabaseDump): Promise<DumpedDatabase> {
  const { target, database, user, request, run } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, stop.signal]);
  const within: RunContext = { ...run, signal };
  let snapshot: Snapshot | undefined;
  const watch = new LockWatch(target, database, request, within, (reason) => stop.abort(reason));
  try {
    snapshot = await Snapshot.open(target, {
      database,
      executionId: run.executionId,
      signal,
      lockWaitSeconds: request.lockWaitSeconds,
      onLost: (error) => stop.abort(error),
    });
    watch.start();
    const properties = await readProperties(snapshot.client);
    // Sequences know no snapshot: read before the dump, so that what it holds is at or after it.
    const inventory = selected(await readInventory(snapshot.client, { countUpToBytes: 0 }), request);
    if (request.selection.schema_only !== true) {
      refuseHidden(await readLacks(snapshot.client, request.selection), database, user);
    }
    const { objects, uncounted } = await stream(options, snapshot, inventory, signal, stop);
    const warnings =
      uncounted === 0
        ? []
        : [`${uncounted} tables of ${database} could not be counted: their rows are estimates`];
    const indexed: IndexedDatabase = {
      name: database,
      stream: databaseStream(database),
      size: snapshot.size,
      snapshot_at: snapshot.takenAt.toISOString(),
      lsn: snapshot.lsn,
      properties,
      inventory,
    };
    return { indexed, objects, warnings };
  } catch (error) {
    const first = stop.signal.aborted ? stop.signal.reason : error;
    stop.abort(first);
    throw queryError(toolError(first, `database ${database}`), `database ${database}`);
  } finally {
    await watch.stop();
    await snapshot?.close();
  }
}

/** Only what the selection takes; rows that will not be in the dump are not guessed. */
function selected(inventory: Inventory, { selection }: DumpRequest): Inventory {
  const taken = selects(selection);
  const tables = inventory.tables.filter((table) => taken(table.schema, table.name));
  return {
    ...inventory,
    schemas: inventory.schemas.filter(
      (schema) => taken(schema, null) || tables.some((t) => t.schema === schema),
    ),
    tables: selection.schema_only === true ? tables.map((t) => ({ ...t, rows: null, exact: false })) : tables,
    sequences:
      selection.schema_only === true
        ? []
        : inventory.sequences.filter((sequence) => taken(sequence.schema, sequence.name)),
  };
}

async function stream(
  { target, database, request, tools, sink, run }: DatabaseDump,
  snapshot: Snapshot,
  inventory: Inventory,
  signal: AbortSignal,
  stop: AbortController,
): Promise<{ objects: ObjectRecord[]; uncounted: number }> {
  const [tee, zstd] = [await findProgram('tee'), await findProgram('zstd')];
  return withToolAccess(target, run, database, async ({ env, secrets }) => {
    const pipeline = await Pipeline.start({
      scratch: run.scratch,
      signal,
      stages: [
        {
          name: 'pg_dump',
          command: tools.pgDump,
          args: [
            '--format=custom',
            '--compress=0',
            `--snapshot=${snapshot.id}`,
            `--lock-wait-timeout=${Math.round(request.lockWaitSeconds * 1000)}`,
            '--no-password',
            ...selectionArguments(request.selection),
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
        {
          name: 'pg_restore (reading the dump as it passes)',
          command: tools.pgRestore,
          args: ['--format=custom', '--file=/dev/null'],
          env: { HOME: run.scratch },
          stdin: { pipe: 'check' },
        },
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
    const counting =
      request.selection.schema_only === true
        ? Promise.resolve(0)
        : snapshot.count(inventory, () => true, countUpToBytes);
    // A failure of either ends the other at once, and with it the upload.
    counting.catch((error) => stop.abort(queryError(error, `counting rows of ${database}`)));
    const finished = Promise.all([pipeline.finished, counting]).then(() => snapshot.assertOpen());
    finished.catch((error) => run.log.warn(`the dump of ${database} did not end well: ${messageOf(error)}`));
    try {
      const objects = await sink.write(databaseStream(database), {
        stream,
        finished,
        brought: () => pipeline.streamed,
        frames: 'zstd',
        disposable: true,
      });
      return { objects, uncounted: await counting };
    } finally {
      stream.destroy();
      await pipeline.terminate(); // all have ended, but where the upload failed
    }
  });
}
