import { readFile } from 'node:fs/promises';
import net from 'node:net';
import tls from 'node:tls';
import mysql from 'mysql2/promise';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { Target } from '../engine.ts';
import { connectionError, isTlsUnsupported } from './errors.ts';
import { type MysqlUrl, parseMysqlUrl } from './url.ts';

export interface ConnectOptions {
  /** Default: none; that of the URL is not entered by itself. */
  database?: string | undefined;
  executionId: string;
  signal: AbortSignal;
  /** Called once when the server or the network ends the session before `end`. */
  onLost?: (error: Error) => void;
  /** Keep what this session writes out of the binary log. */
  noBinlog?: boolean;
}

export type Row = Record<string, unknown>;

/** How our statements are known on the server, within a comment: cleanup and janitor end their sessions by it. */
export function mark(executionId: string): string {
  return `backupctl/${executionId}`;
}

/**
 * A session: in utf8mb4, in UTC, without an `sql_mode`, named after the execution by a comment in each statement. Texts
 * and times come as strings, whole numbers as numbers while they are exact.
 */
export class Session {
  /** The server's number for it, for KILL. */
  readonly id: number;
  /** Whether it is encrypted. */
  readonly secure: boolean;
  readonly #connection: mysql.Connection;
  readonly #mark: string;
  #ended = false;

  constructor(connection: mysql.Connection, secure: boolean, options: ConnectOptions) {
    this.#connection = connection;
    this.id = connection.threadId;
    this.secure = secure;
    this.#mark = `/* ${mark(options.executionId)} */ `;
    connection.on('error', (error: Error) => {
      if (!this.#ended) options.onLost?.(error);
      this.#ended = true;
    });
  }

  /** Rows of a statement (none where it has none). `?` stands for a value. @throws the driver's error */
  async query<R = Row>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    const rows = await this.#send(this.#mark + sql, [...values]);
    return Array.isArray(rows) ? (rows as R[]) : [];
  }

  /** Runs a statement word by word: nothing in it is a placeholder, and no comment precedes it. */
  async run(statement: string): Promise<void> {
    await this.#send(statement, undefined);
  }

  async #send(sql: string, values: unknown[] | undefined): Promise<unknown> {
    try {
      const [rows] = await this.#connection.query({ sql, values } as mysql.QueryOptions);
      return rows;
    } catch (error) {
      // A statement may hold a password's hash, or rows: it has no business in an error.
      if (error instanceof Error && 'sql' in error) delete error.sql;
      throw error;
    }
  }

  /** The first row's first column, or null. */
  async value<T>(sql: string, values: readonly unknown[] = []): Promise<T | null> {
    const row = (await this.query(sql, values))[0];
    return row === undefined ? null : ((Object.values(row)[0] ?? null) as T | null);
  }

  /** Ends it; one that is broken already is no error. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#connection.end().catch(() => this.#connection.destroy());
  }

  destroy(): void {
    this.#ended = true;
    this.#connection.destroy();
  }
}

/** @throws BackupctlError credentials, unavailable, not-found, in the server's own words */
export async function connect(target: Target, options: ConnectOptions): Promise<Session> {
  const url = parseMysqlUrl(target.url);
  const attempts = await tlsAttempts(url);
  for (const [n, ssl] of attempts.entries()) {
    try {
      return await open(target, url, ssl, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (n + 1 < attempts.length && isTlsUnsupported(error)) continue;
      throw connectionError(error, url, target.password);
    }
  }
  throw new Error('there is always one attempt');
}

/** Runs the body with a session that is ended afterwards; when the run is aborted, the server is told to end it too. */
export async function withSession<T>(
  target: Target,
  options: ConnectOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await connect(target, options);
  // What a session that was destroyed was asked never settles.
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    session.destroy();
    void kill(target, session.id, options.executionId).finally(() => reject(reasonOf(options.signal)));
  };
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([body(session), aborted]);
  } catch (error) {
    if (options.signal.aborted) throw reasonOf(options.signal);
    throw error;
  } finally {
    options.signal.removeEventListener('abort', abort);
    await session.end();
  }
}

/** Ends a session at the server; one that is gone, and a server that does not answer, are no errors. */
export async function kill(target: Target, id: number, executionId: string): Promise<void> {
  try {
    const session = await connect(target, { executionId, signal: AbortSignal.timeout(10_000) });
    try {
      await session.query(`KILL ${Math.trunc(id)}`);
    } finally {
      await session.end();
    }
  } catch {
    // It ends by itself once it finds that nobody listens.
  }
}

export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof BackupctlError
    ? signal.reason
    : new BackupctlError('cancelled', 'the run was cancelled', { cause: signal.reason });
}

async function tlsAttempts(url: MysqlUrl): Promise<(mysql.SslOptions | undefined)[]> {
  if (url.socket !== null || url.sslMode === 'disabled') return [undefined];
  const own = {
    ca: await readPem(url.sslCa, 'ssl-ca'),
    cert: await readPem(url.sslCert, 'ssl-cert'),
    key: await readPem(url.sslKey, 'ssl-key'),
  };
  switch (url.sslMode) {
    case 'preferred':
      return [{ rejectUnauthorized: false }, undefined];
    case 'required':
      return [{ ...own, rejectUnauthorized: false }];
    case 'verify-ca':
      return [{ ...own, rejectUnauthorized: true, verifyIdentity: false }];
    case 'verify-identity':
      return [{ ...own, rejectUnauthorized: true, verifyIdentity: true }];
  }
}

async function readPem(path: string | null, option: string): Promise<string | undefined> {
  if (path === null) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new BackupctlError('configuration', `the file of ${option}, ${path}, cannot be read`, { cause });
  }
}

async function open(
  target: Target,
  url: MysqlUrl,
  ssl: mysql.SslOptions | undefined,
  options: ConnectOptions,
): Promise<Session> {
  options.signal.throwIfAborted();
  const socket = dial(url);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  const abort = () => {
    socket.destroy();
    reject(options.signal.reason);
  };
  options.signal.addEventListener('abort', abort, { once: true });
  try {
    const connecting = mysql.createConnection({
      // As a function: an object would be asked for its methods.
      stream: () => socket,
      host: url.host,
      user: url.user,
      password: target.password ?? '',
      database: options.database,
      ssl,
      connectTimeout: url.connectTimeout * 1000,
      charset: 'utf8mb4',
      timezone: 'Z',
      dateStrings: true,
      supportBigNumbers: true,
      connectAttributes: { program_name: mark(options.executionId) },
    });
    connecting.catch(() => {});
    const connection = await Promise.race([connecting, aborted]);
    assertIdentity(url, connection);
    const session = new Session(connection, ssl !== undefined, options);
    try {
      // One that stands by while a dump runs is idle for hours, and many servers end such sessions within minutes.
      await session.query("SET SESSION sql_mode = '', time_zone = '+00:00', wait_timeout = 604800");
      if (options.noBinlog === true) await session.query('SET SESSION sql_log_bin = 0');
    } catch (error) {
      await session.end();
      throw error;
    }
    return session;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

function dial(url: MysqlUrl): net.Socket {
  const socket =
    url.socket === null ? net.connect({ host: url.host, port: url.port }) : net.connect({ path: url.socket });
  socket.setKeepAlive(true, 60_000);
  socket.setNoDelay(true);
  // The driver gives TLS no name to check for an address, and TLS then takes the one that the socket was dialled by.
  if (net.isIP(url.host) !== 0) Object.assign(socket, { _host: url.host });
  return socket;
}

/** Once more than the driver does it, since it leaves addresses to others. */
function assertIdentity(url: MysqlUrl, connection: mysql.Connection): void {
  if (url.sslMode !== 'verify-identity') return;
  const inner = (connection as unknown as { connection: { stream: unknown } }).connection.stream;
  if (!(inner instanceof tls.TLSSocket) || !inner.authorized) throw new Error('the session is not verified');
  const wrong = tls.checkServerIdentity(url.host, inner.getPeerCertificate());
  if (wrong !== undefined) throw wrong;
}
