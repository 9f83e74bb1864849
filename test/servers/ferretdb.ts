import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { findProgram } from './cache.ts';
import { freePort } from './port.ts';
import { guarded, ServerProcess, unprivilegedAccount } from './process.ts';
import { until } from './wait.ts';

export interface MongoOptions {
  /** A member of a set of one, with an oplog. Default: true. */
  replicaSet?: boolean;
  /** Whether it wants a user and a password. Default: true. */
  auth?: boolean;
  /** Where its folder is made. Default: the system's for temporary files. */
  folder?: string;
  /** Certificates for TLS beside the plain port. */
  tls?: { certFile: string; keyFile: string; caFile?: string };
}

export interface MongoServer {
  /** What is really run: `FerretDB 1.24.0`, or a `mongod` that is on PATH. */
  readonly title: string;
  readonly real: boolean;
  readonly host: string;
  readonly port: number;
  /** Null without TLS. */
  readonly tlsPort: number | null;
  /** Of its Unix socket. */
  readonly socket: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly folder: string;
  readonly pid: number;
  /** Without a password, as the product wants it. */
  url(database?: string, options?: { user?: string | null; port?: number; query?: string }): string;
  /** A client of the superuser, for the test itself. To be closed by the caller. */
  connect(): Promise<MongoClient>;
  stop(): Promise<void>;
}

/** The program and its name; a `mongod` of PATH goes before the stand-in. */
function program(): { path: string; real: boolean; title: string } {
  try {
    const path = findProgram('mongod');
    const said = execFileSync(path, ['--version'], { encoding: 'utf8' });
    return { path, real: true, title: `MongoDB ${/v(\d[\w.]*)/.exec(said)?.[1] ?? ''}` };
  } catch {
    return { path: findProgram('ferretdb'), real: false, title: 'FerretDB 1.24.0 on SQLite' };
  }
}

/** Why what only a real mongod can show is not shown here; null where there is one. */
export function whyNoMongod(): string | null {
  return program().real ? null : 'no mongod is on PATH; FerretDB stands in for it';
}

/** Starts a server of its own in a temporary folder. */
export async function startMongo(options: MongoOptions = {}): Promise<MongoServer> {
  const { path, real, title } = program();
  const { replicaSet = true, auth = true } = options;
  const account = unprivilegedAccount();
  // Small letters alone: MongoDB's programs know no others in the path of a socket.
  const folder = join(options.folder ?? tmpdir(), `backupctl-test-mongo-${randomBytes(6).toString('hex')}`);
  mkdirSync(folder, { mode: 0o700 });
  const data = join(folder, 'data');
  mkdirSync(data);
  for (const each of [folder, data]) if (account !== null) chownSync(each, account.uid, account.gid);
  const user = auth ? 'root' : null;
  const password = auth ? `pw-${randomBytes(9).toString('hex')}` : null;
  let server: ServerProcess | undefined;
  let port = 0;
  let tlsPort: number | null = null;

  const connect = async (as: { user: string | null } = { user }): Promise<MongoClient> => {
    const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
      ...(as.user === null
        ? {}
        : { auth: { username: as.user, password: password ?? '' }, authSource: 'admin' }),
      serverSelectionTimeoutMS: 2000,
      promoteLongs: false,
    });
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  };

  const boot = async (): Promise<void> => {
    port = await freePort();
    tlsPort = options.tls === undefined ? null : await freePort();
    const args = real
      ? mongodArguments({ data, port, replicaSet, auth, folder })
      : ferretArguments({ data, folder, port, replicaSet, user, tlsPort, tls: options.tls });
    server = ServerProcess.start({
      command: path,
      args,
      env: {
        PATH: '/usr/bin:/bin',
        HOME: folder,
        FERRETDB_TELEMETRY: 'disable',
        // Not among the arguments, which everybody sees.
        ...(real || password === null ? {} : { FERRETDB_SETUP_PASSWORD: password }),
      },
      cwd: folder,
      logFile: join(folder, 'server.log'),
      as: account,
    });
    const started = server;
    await until(
      async () => {
        if (!started.running) return 'ended';
        const client = await connect(real ? { user: null } : { user });
        try {
          if (real) await prepareMongod(client, { replicaSet, user, password, port });
          await client.db('admin').command({ ping: 1 });
          return 'ready';
        } finally {
          await client.close();
        }
      },
      { what: `${title} on port ${port}`, timeout: 60_000 },
    );
    if (!started.running) throw new Error(`${title} did not start: ${started.tail()}`);
  };

  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await boot();
        break;
      } catch (error) {
        await server?.kill9();
        if (attempt === 3) throw error;
        await sleep(100);
      }
    }
    if (!real && replicaSet) {
      // FerretDB writes an oplog as soon as there is a collection for it.
      const client = await connect();
      await client.db('local').createCollection('oplog.rs', { capped: true, size: 64 * 1024 * 1024 });
      // As on a real member, there is never nothing in it.
      await client.db('warm').collection('up').insertOne({ a: 1 });
      await client.db('warm').dropDatabase();
      await client.close();
    }
  } catch (error) {
    await server?.kill9();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }

  return {
    title,
    real,
    host: '127.0.0.1',
    port,
    tlsPort,
    socket: socketOf(folder, port),
    user,
    password,
    folder,
    get pid() {
      return server?.pid ?? -1;
    },
    url: (database = '', { user: as = user, port: at = port, query = '' } = {}) =>
      `mongodb://${as === null ? '' : `${encodeURIComponent(as)}@`}127.0.0.1:${at}/${encodeURIComponent(database)}${
        as === null
          ? query === ''
            ? ''
            : `?${query}`
          : `?authSource=admin${query === '' ? '' : `&${query}`}`
      }`,
    connect: () => connect(),
    stop: async () => {
      await server?.stop('SIGTERM');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As mongod names it. */
const socketOf = (folder: string, port: number) => join(folder, `mongodb-${port}.sock`);

function ferretArguments(of: {
  data: string;
  folder: string;
  port: number;
  replicaSet: boolean;
  user: string | null;
  tlsPort: number | null;
  tls: MongoOptions['tls'];
}): string[] {
  return [
    '--handler=sqlite',
    // As for PostgreSQL here: no test cuts the power.
    `--sqlite-url=file:${of.data}/?_pragma=synchronous(off)`,
    `--state-dir=${of.data}`,
    `--listen-addr=127.0.0.1:${of.port}`,
    `--listen-unix=${socketOf(of.folder, of.port)}`,
    '--debug-addr=-',
    '--log-level=error',
    ...(of.replicaSet ? ['--repl-set-name=rs0'] : []),
    ...(of.user === null
      ? []
      : ['--test-enable-new-auth', '--setup-database=admin', `--setup-username=${of.user}`]),
    ...(of.tls === undefined
      ? []
      : [
          `--listen-tls=127.0.0.1:${of.tlsPort}`,
          `--listen-tls-cert-file=${of.tls.certFile}`,
          `--listen-tls-key-file=${of.tls.keyFile}`,
          ...(of.tls.caFile === undefined ? [] : [`--listen-tls-ca-file=${of.tls.caFile}`]),
        ]),
  ];
}

function mongodArguments(of: {
  data: string;
  port: number;
  replicaSet: boolean;
  auth: boolean;
  folder: string;
}): string[] {
  const keyFile = join(of.folder, 'keyfile');
  if (of.auth && of.replicaSet) {
    writeFileSync(keyFile, randomBytes(96).toString('base64'), { mode: 0o400 });
    const account = unprivilegedAccount();
    if (account !== null) chownSync(keyFile, account.uid, account.gid);
  }
  return [
    `--dbpath=${of.data}`,
    `--port=${of.port}`,
    '--bind_ip=127.0.0.1',
    `--unixSocketPrefix=${of.folder}`,
    ...(of.replicaSet ? ['--replSet=rs0'] : []),
    ...(of.auth ? ['--auth'] : []),
    ...(of.auth && of.replicaSet ? [`--keyFile=${keyFile}`] : []),
  ];
}

/** The set is made and the first user by who comes from this machine, once; later they are there. */
async function prepareMongod(
  client: MongoClient,
  of: { replicaSet: boolean; user: string | null; password: string | null; port: number },
): Promise<void> {
  const admin = client.db('admin');
  if (of.replicaSet) {
    const members = [{ _id: 0, host: `127.0.0.1:${of.port}` }];
    await admin.command({ replSetInitiate: { _id: 'rs0', members } }).catch(() => {});
    const hello = await admin.command({ hello: 1 });
    if (hello.isWritablePrimary !== true) throw new Error('no primary yet');
  }
  if (of.user !== null) {
    await admin.command({ createUser: of.user, pwd: of.password, roles: ['root'] }).catch(() => {});
  }
}

/** The words that start a program of the tests as the server's account. */
export const asServer = (command: string, args: readonly string[]) =>
  guarded(command, args, unprivilegedAccount());
