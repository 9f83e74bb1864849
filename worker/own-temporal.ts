import { Connection } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { databaseOf, EmbeddedTemporal } from './embedded-temporal.ts';
import { endFormerLife, recordTemporal } from './former-life.ts';
import { removeHalfMadeDatabase } from './half-made-database.ts';
import { chooseTemporalPorts, type GivenPorts, portTaken, type TemporalPorts } from './ports.ts';
import { ensureSearchAttributes, keepHistory } from './prepare-namespace.ts';
import type { ProcessLog } from './process-log.ts';
import { temporalAnswers } from './readiness.ts';
import type { PlatformFile } from './ready-file.ts';
import type { UndoStack } from './undo-stack.ts';

export interface OwnTemporalOptions {
  program: string;
  dataDir: string;
  given: GivenPorts;
  /** Whose ports are tried first. */
  former: Partial<PlatformFile> | null;
  stop: AbortSignal;
  undo: UndoStack;
  log: ProcessLog;
}

export interface OwnTemporal {
  temporal: EmbeddedTemporal;
  connection: Connection;
  ports: TemporalPorts;
}

/** The namespace of the embedded server. */
export const namespace = 'default';
const historyDays = 90;
/** Seconds that it has to end. */
const grace = 2;

/** Ends what an earlier life left running on the database of a data directory whose lock is held, and mends that. */
export async function endFormerTemporal(dataDir: string, print: (line: string) => void): Promise<void> {
  if ((await endFormerLife(dataDir, databaseOf(dataDir))) > 0) {
    print('A Temporal server that an earlier `up` left behind was ended.');
  }
  if (await removeHalfMadeDatabase(dataDir, namespace)) {
    print('A database of Temporal that was left half made, and empty, is made anew.');
  }
}

/** How often ports of our own choice are chosen: on a busy machine another program may bind one before Temporal does. */
const tries = 5;

/**
 * Starts the Temporal of a data directory whose lock is held, and prepares its namespace once it answers. Ports of our own choice that somebody else takes before
 * Temporal binds them are chosen again.
 * @throws BackupctlError conflict, naming the flag, for a port that was asked for; failed
 */
export async function startOwnTemporal(options: OwnTemporalOptions): Promise<OwnTemporal> {
  const { undo } = options;
  const own = await startOnFreePorts(options);
  undo.push(() => own.connection.close());
  undo.push(() => own.temporal.stop(grace));
  await keepHistory(own.connection, namespace, historyDays);
  await ensureSearchAttributes(own.connection, namespace);
  return own;
}

async function startOnFreePorts(options: OwnTemporalOptions): Promise<OwnTemporal> {
  const { dataDir, given, program, stop } = options;
  for (let attempt = 1; ; attempt += 1) {
    const ports = await chooseTemporalPorts(given, attempt === 1 ? options.former : null);
    const temporal = new EmbeddedTemporal({
      program,
      dataDir,
      port: ports.temporal,
      uiPort: ports.ui,
      onStarted: (pid) => recordTemporal(dataDir, pid),
      onTrouble: (line) => options.log.warn(line),
    });
    const connection = Connection.lazy({
      address: temporal.address,
      // No proxy stands between us and our own server, whatever the environment says.
      channelArgs: { 'grpc.enable_http_proxy': 0, 'grpc.max_reconnect_backoff_ms': 1000 },
    });
    try {
      await temporal.start(() => temporalAnswers(connection, namespace), stop);
      return { temporal, connection, ports };
    } catch (error) {
      await temporal.stop(grace);
      await connection.close();
      if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
      for (const [port, flag] of [
        [given.temporalPort, '--temporal-port'],
        [given.uiPort, '--ui-port'],
      ] as const) {
        if (port && new RegExp(`(?::|port )${port}:`).test(error.message)) throw portTaken(port, flag, error);
      }
      if (attempt === tries) throw error;
    }
  }
}
