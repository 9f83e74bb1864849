import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type {
  DumpOutcome,
  RestoredDatabase,
  RestoreRequest,
  RestoreSource,
  Selection,
  Target,
} from '../../engines/engine.ts';
import type { MongoIndex } from '../../engines/mongodb/backup-index.ts';
import { engine } from '../../engines/mongodb/engine.ts';
import type { Manifest } from '../../repository/manifest.ts';
import type { MongoServer } from '../servers/ferretdb.ts';
import { TestRun } from './directory-sink.ts';
import { requestFor } from './restore-kit.ts';

export function mongoTarget(server: MongoServer, database = '', url = server.url(database)): Target {
  const { password } = server;
  return { instanceId: randomUUID(), instanceName: 'test', url, password };
}

/** A backup by the real engine, in a folder of its own. */
export class MongoBackup implements AsyncDisposable {
  readonly run: TestRun;
  readonly outcome: DumpOutcome;
  readonly source: RestoreSource;

  private constructor(run: TestRun, outcome: DumpOutcome) {
    this.run = run;
    this.outcome = outcome;
    this.source = {
      manifest: { ...({} as Manifest), ...outcome, id: randomUUID(), engine: 'mongodb' },
      open: async (stream) => createReadStream(run.sink.path(stream)),
      index: async () => structuredClone(run.sink.index),
    };
  }

  static async take(target: Target, selection: Selection = {}): Promise<MongoBackup> {
    const run = await TestRun.start();
    const request = { backupId: 'b', selection, yieldToDdlSeconds: null, lockWaitSeconds: 30 };
    try {
      return new MongoBackup(run, await engine.dump(target, request, run.sink, run.context));
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
  }

  get index(): MongoIndex {
    return this.run.sink.index as unknown as MongoIndex;
  }

  async restore(target: Target, options: Partial<RestoreRequest> = {}): Promise<RestoredDatabase[]> {
    await using run = await TestRun.start();
    const request = requestFor(options);
    const restored = await engine.restore(target, request, this.source, {
      ...run.context,
      progress: () => {},
    });
    await engine.forgetRestore(target, request.restoreId, run.context);
    return restored;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.run[Symbol.asyncDispose]();
  }
}
