import { MongoClient, type MongoClientOptions } from 'mongodb';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Target } from '../engine.ts';
import { serverError } from './errors.ts';
import { formatMongoUrl, isDirect, type MongoUrl, parseMongoUrl } from './url.ts';

export interface ConnectOptions {
  executionId: string;
  signal: AbortSignal;
  /** `near`: as the URL's read preference says, a secondary before a primary where it says nothing. `primary`: to write. */
  read: 'near' | 'primary';
}

/** How all our sessions are known on the server. */
export function applicationName(executionId: string): string {
  return `backupctl/${executionId}`.slice(0, 128);
}

/**
 * A client of a server or replica set, connected. Nothing comes from the environment.
 * @throws BackupctlError credentials, unavailable, in the server's own words
 */
export async function connect(target: Target, options: ConnectOptions): Promise<MongoClient> {
  const url = parseMongoUrl(target.url);
  options.signal.throwIfAborted();
  let client: MongoClient | undefined;
  try {
    client = new MongoClient(
      formatMongoUrl(forDriver(url, options.read)),
      driverOptions(target, url, options),
    );
    await client.connect();
    // Without a user nothing has been asked yet that a server could refuse.
    await client.db('admin').command({ hello: 1 });
    return client;
  } catch (error) {
    await client?.close().catch(() => {});
    throw serverError(error, 'connecting', url, target.password);
  }
}

/** Runs the body with a client that is closed afterwards; its failures are those of `doing`. */
export async function withConnection<T>(
  target: Target,
  options: ConnectOptions & { doing: string },
  body: (client: MongoClient) => Promise<T>,
): Promise<T> {
  const client = await connect(target, options);
  const abort = () => void client.close(true).catch(() => {});
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    return await body(client);
  } catch (error) {
    if (options.signal.aborted) throw cancelled(options.signal);
    throw serverError(error, options.doing, parseMongoUrl(target.url), target.password);
  } finally {
    options.signal.removeEventListener('abort', abort);
    await client.close().catch(() => {});
  }
}

/** Why a run is over that was aborted. */
export function cancelled(signal: AbortSignal): BackupctlError {
  return signal.reason instanceof BackupctlError
    ? signal.reason
    : new BackupctlError('cancelled', 'the run was cancelled', { cause: signal.reason });
}

/** The URL for a driver: with what we decide where it says nothing, without what the driver is told otherwise. */
function forDriver(url: MongoUrl, read: ConnectOptions['read']): MongoUrl {
  const options = new Map(url.options);
  for (const name of ['readPreference', 'maxStalenessSeconds']) if (read === 'primary') options.delete(name);
  if (read === 'near' && !options.has('readPreference')) options.set('readPreference', 'secondaryPreferred');
  if (isDirect(url)) options.set('directConnection', 'true');
  // The user goes beside the URL, with the password.
  options.delete('authSource');
  options.delete('authMechanism');
  return { ...url, user: null, database: null, options };
}

function driverOptions(target: Target, url: MongoUrl, { executionId }: ConnectOptions): MongoClientOptions {
  const mechanism = url.options.get('authMechanism') as MongoClientOptions['authMechanism'];
  const source = url.options.get('authSource');
  const seconds = (name: string, otherwise: number) => Number(url.options.get(name) ?? otherwise);
  return {
    appName: applicationName(executionId),
    ...(url.user === null ? {} : { auth: { username: url.user, password: target.password ?? '' } }),
    ...(source === undefined ? {} : { authSource: source }),
    ...(mechanism === undefined ? {} : { authMechanism: mechanism }),
    serverSelectionTimeoutMS: seconds('serverSelectionTimeoutMS', 15_000),
    connectTimeoutMS: seconds('connectTimeoutMS', 15_000),
    maxPoolSize: 4,
  };
}
