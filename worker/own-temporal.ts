import { Connection } from '@temporalio/client';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { EmbeddedTemporal } from './embedded-temporal.ts';
import { chooseTemporalPorts, type GivenPorts, portTaken, type TemporalPorts } from './ports.ts';
import { temporalAnswers } from './readiness.ts';
import type { PlatformFile } from './ready-file.ts';
import type { UndoStack } from './undo-stack.ts';

export interface OwnTemporalOptions {
  program: string;
  dataDir: string;
  namespace: string;
  given: GivenPorts;
  /** Whose ports are tried first. */
  former: Partial<PlatformFile> | null;
  stop: AbortSignal;
  undo: UndoStack;
  /** Seconds that it has to end. */
  grace: number;
  onStarted(pid: number): void;
  onTrouble(line: string): void;
}

export interface OwnTemporal {
  temporal: EmbeddedTemporal;
  connection: Connection;
  ports: TemporalPorts;
}

/** How often ports of our own choice are chosen: on a busy machine another program may bind one before Temporal does. */
const tries = 5;

/**
 * Starts the platform's Temporal and waits until it answers. Ports of our own choice that somebody else takes before
 * Temporal binds them are chosen again.
 * @throws BackupctlError conflict, naming the flag, for a port that was asked for; failed
 */
export async function startOwnTemporal(options: OwnTemporalOptions): Promise<OwnTemporal> {
  const { dataDir, given, grace, namespace, program, stop, undo } = options;
  for (let attempt = 1; ; attempt += 1) {
    const ports = await chooseTemporalPorts(given, attempt === 1 ? options.former : null);
    const temporal = new EmbeddedTemporal({
      program,
      dataDir,
      port: ports.temporal,
      uiPort: ports.ui,
      onStarted: options.onStarted,
      onTrouble: options.onTrouble,
    });
    const connection = Connection.lazy({
      address: temporal.address,
      // No proxy stands between us and our own server, whatever the environment says.
      channelArgs: { 'grpc.enable_http_proxy': 0, 'grpc.max_reconnect_backoff_ms': 1000 },
    });
    try {
      await temporal.start(() => temporalAnswers(connection, namespace), stop);
      undo.push(() => connection.close());
      undo.push(() => temporal.stop(grace));
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
