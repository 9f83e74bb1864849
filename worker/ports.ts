import { createServer } from 'node:net';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** Ports that the user chose; 0 and nothing leave the choice to us. */
export interface GivenPorts {
  port?: number | undefined;
  temporalPort?: number | undefined;
  uiPort?: number | undefined;
}

/** Those of Temporal: its own, and that of its web page. */
export interface TemporalPorts {
  temporal: number;
  ui: number;
}

/**
 * Checks a port that the user chose.
 * @param flag the flag that named it, for the message
 * @throws BackupctlError conflict when it is taken, refused when this user may not open it
 */
export async function claimPort(port: number, flag: string): Promise<number> {
  try {
    return await listenBriefly(port);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw portTaken(port, flag, cause);
    if (code === 'EACCES') {
      throw new BackupctlError('refused', `port ${port} (${flag}) may not be opened by this user`, {
        hint: 'choose one above 1023',
        cause,
      });
    }
    throw cause;
  }
}

export function portTaken(port: number, flag: string, cause: unknown): BackupctlError {
  return new BackupctlError('conflict', `port ${port} (${flag}) is taken`, {
    hint: `stop what listens on 127.0.0.1:${port}, or choose another ${flag}`,
    cause,
  });
}

/**
 * Whether every port that was asked for can be had, before anything is begun with one of them.
 * @throws BackupctlError conflict, refused, usage
 */
export async function claimGivenPorts({ port, temporalPort, uiPort }: GivenPorts): Promise<void> {
  const asked = [port, temporalPort, uiPort].filter((each) => each);
  if (new Set(asked).size < asked.length) {
    throw new BackupctlError('usage', '--port, --temporal-port and --ui-port must differ');
  }
  if (port) await claimPort(port, '--port');
  if (temporalPort) await claimPort(temporalPort, '--temporal-port');
  if (uiPort) await claimPort(uiPort, '--ui-port');
}

/**
 * Two different ports for Temporal, which binds them later: those that were asked for, else those of the former life
 * where they are free, else any. Somebody else may be faster: then others are to be chosen, without a former life.
 */
export async function chooseTemporalPorts(
  given: GivenPorts,
  former: { temporal_address?: string; ui_port?: number | null } | null,
): Promise<TemporalPorts> {
  const formerTemporal = Number(former?.temporal_address?.split(':').at(-1));
  const temporal = given.temporalPort || (await ownPort(formerTemporal || null, given));
  for (;;) {
    const ui = given.uiPort || (await ownPort(former?.ui_port, given));
    if (ui !== temporal) return { temporal, ui };
    former = null;
  }
}

async function ownPort(former: number | null | undefined, given: GivenPorts): Promise<number> {
  if (former && !isGiven(former, given)) {
    try {
      return await listenBriefly(former);
    } catch {
      // Somebody else has it now.
    }
  }
  for (;;) {
    const port = await listenBriefly(0);
    if (!isGiven(port, given)) return port;
  }
}

/** Whether a port is promised to a flag: what we choose ourselves must not take it away. */
export function isGiven(port: number, given: GivenPorts): boolean {
  return port === given.port || port === given.temporalPort || port === given.uiPort;
}

function listenBriefly(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('no port was given'));
      });
    });
  });
}
