import { createServer } from 'node:net';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  return await listenBriefly(0);
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
    if (code === 'EADDRINUSE') {
      throw new BackupctlError('conflict', `port ${port} (${flag}) is taken`, {
        hint: `stop what listens on 127.0.0.1:${port}, or choose another ${flag}`,
        cause,
      });
    }
    if (code === 'EACCES') {
      throw new BackupctlError('refused', `port ${port} (${flag}) may not be opened by this user`, {
        hint: 'choose one above 1023',
        cause,
      });
    }
    throw cause;
  }
}

export interface Ports {
  http: number;
  temporal: number;
  ui: number;
}

/**
 * Three different ports: those that were asked for, else those of the former life where they are free, else any.
 * @throws BackupctlError conflict, usage
 */
export async function choosePorts(
  given: { port?: number | undefined; temporalPort?: number | undefined; uiPort?: number | undefined },
  former: { port?: number; temporal_address?: string; ui_port?: number | null } | null,
): Promise<Ports> {
  const asked = [given.port, given.temporalPort, given.uiPort].filter((port) => port);
  if (new Set(asked).size < asked.length) {
    throw new BackupctlError('usage', '--port, --temporal-port and --ui-port must differ');
  }
  const formerTemporal = Number(former?.temporal_address?.split(':').at(-1));
  const ports = {
    http: await choosePort(given.port, '--port', former?.port),
    temporal: await choosePort(given.temporalPort, '--temporal-port', formerTemporal || null),
    ui: await choosePort(given.uiPort, '--ui-port', former?.ui_port),
  };
  // Two of them may have met where only some were asked for.
  while (!given.uiPort && (ports.ui === ports.http || ports.ui === ports.temporal))
    ports.ui = await freePort();
  while (!given.port && (ports.http === ports.temporal || ports.http === ports.ui))
    ports.http = await freePort();
  while (!given.temporalPort && (ports.temporal === ports.http || ports.temporal === ports.ui)) {
    ports.temporal = await freePort();
  }
  return ports;
}

/** The port that was asked for, else the one of the former life where it is free, else any free one. */
export async function choosePort(
  given: number | undefined,
  flag: string,
  former: number | null | undefined,
): Promise<number> {
  if (given) return await claimPort(given, flag);
  if (former) {
    try {
      return await listenBriefly(former);
    } catch {
      // Somebody else has it now.
    }
  }
  return await freePort();
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
