import pg from 'pg';
import type { Target } from '../engine.ts';
import { connectionError, isNoSuchDatabase, isTlsUnsupported } from './errors.ts';
import { type Tls, tlsAttempts } from './tls.ts';
import { type PostgresUrl, parsePostgresUrl } from './url.ts';

export interface ConnectOptions {
  /** Default: that of the URL; without one `postgres`, else `template1`. */
  database?: string | undefined;
  executionId: string;
  signal: AbortSignal;
  /** Called once when the server or the network ends the session before `end`. */
  onLost?: (error: Error) => void;
}

/** How all our sessions are known on the server: cleanup and janitor end them by it. */
export function applicationName(executionId: string): string {
  return `backupctl/${executionId}`;
}

/**
 * A session without time limits of its own role or database, in UTF-8, named after the execution. Nothing comes from
 * the environment (`PG*`) or from `~/.pgpass`. Its loss is never an uncaught error.
 * @throws BackupctlError credentials, unavailable, not-found, in the server's own words
 */
export async function connect(target: Target, options: ConnectOptions): Promise<pg.Client> {
  const url = parsePostgresUrl(target.url);
  const named = options.database ?? url.database;
  if (named !== null) return connectTo(target, url, named, options);
  try {
    return await connectTo(target, url, 'postgres', options);
  } catch (error) {
    if (!isNoSuchDatabase(error)) throw error;
    return connectTo(target, url, 'template1', options);
  }
}

/** Runs the body with a session that is ended afterwards. */
export async function withConnection<T>(
  target: Target,
  options: ConnectOptions,
  body: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(target, options);
  try {
    return await body(client);
  } finally {
    await end(client);
  }
}

/** Ends a session; one that is broken already is no error. */
export async function end(client: pg.Client): Promise<void> {
  await client.end().catch(() => {});
}

async function connectTo(
  target: Target,
  url: PostgresUrl,
  database: string,
  options: ConnectOptions,
): Promise<pg.Client> {
  const socket = url.host.startsWith('/');
  const attempts = socket ? [false as const] : await tlsAttempts(url);
  for (const [n, ssl] of attempts.entries()) {
    try {
      return await open(target, url, database, ssl, options);
    } catch (error) {
      const other = n + 1 < attempts.length && (isTlsUnsupported(error) || url.sslmode === 'allow');
      if (!other) throw connectionError(error, url, database, target.password);
    }
  }
  throw new Error('there is always one attempt');
}

async function open(
  target: Target,
  url: PostgresUrl,
  database: string,
  ssl: Tls,
  options: ConnectOptions,
): Promise<pg.Client> {
  options.signal.throwIfAborted();
  const client = new pg.Client({
    host: url.host,
    port: url.port,
    user: url.user,
    database,
    ssl,
    // As a function: an empty text would make pg look into PGPASSWORD and ~/.pgpass.
    password: () => target.password ?? '',
    application_name: applicationName(options.executionId),
    client_encoding: 'UTF8',
    connectionTimeoutMillis: url.connectTimeout * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 60_000,
    options:
      '-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c DateStyle=ISO',
  });
  let connected = false;
  client.on('error', (error) => {
    if (connected) options.onLost?.(error);
    connected = false;
  });
  // A client that is ended while it connects never settles its promise.
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const abort = () => reject(options.signal.reason);
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([client.connect(), aborted]);
    connected = true;
    return client;
  } catch (error) {
    void client.end().catch(() => {});
    throw error;
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}
