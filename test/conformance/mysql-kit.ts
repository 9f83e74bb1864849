import { createReadStream } from 'node:fs';
import type {
  DumpRequest,
  RestoredDatabase,
  RestoreRequest,
  RestoreSource,
  Target,
} from '../../engines/engine.ts';
import { engine } from '../../engines/mysql/engine.ts';
import type { Manifest } from '../../repository/manifest.ts';
import type { MariadbServer } from '../servers/mariadb.ts';
import { TestRun } from './directory-sink.ts';
import { requestFor } from './restore-kit.ts';

export function targetOf(server: MariadbServer, database = '', options = ''): Target {
  return {
    instanceId: '00000000-0000-4000-8000-000000000000',
    instanceName: 'test',
    url: `${server.url(database)}${options}`,
    password: server.rootPassword,
  };
}

/** A backup by the real engine, in a folder of its own, as a restore reads it. */
export class MysqlBackup implements AsyncDisposable {
  readonly run: TestRun;
  readonly source: RestoreSource;

  private constructor(run: TestRun, manifest: Manifest) {
    this.run = run;
    this.source = {
      manifest,
      open: async (stream) => createReadStream(run.sink.path(stream)),
      index: async () => structuredClone(run.sink.index),
    };
  }

  static async take(target: Target, request: Partial<DumpRequest> = {}): Promise<MysqlBackup> {
    const run = await TestRun.start();
    const whole = { backupId: 'b', selection: {}, yieldToDdlSeconds: null, lockWaitSeconds: 30, ...request };
    const outcome = await engine.dump(target, whole, run.sink, run.context).catch(async (error: unknown) => {
      await run[Symbol.asyncDispose]();
      throw error;
    });
    const manifest = {
      ...({} as Manifest),
      ...outcome,
      id: crypto.randomUUID(),
      engine: 'mysql',
      engine_version: outcome.engineVersion,
    };
    return new MysqlBackup(run, manifest);
  }

  get manifest(): Manifest {
    return this.source.manifest;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.run[Symbol.asyncDispose]();
  }
}

/** One restore with surroundings of its own. @param keepMarks as after a crash, before its result is on record */
export async function restoreTo(
  target: Target,
  backup: MysqlBackup,
  options: Partial<RestoreRequest> = {},
  { keepMarks = false, executionId = crypto.randomUUID() as string } = {},
): Promise<RestoredDatabase[]> {
  await using run = await TestRun.start();
  const request = requestFor(options);
  const context = { ...run.context, executionId };
  const restored = await engine.restore(target, request, backup.source, { ...context, progress: () => {} });
  if (!keepMarks) await engine.forgetRestore(target, request.restoreId, context);
  return restored;
}
