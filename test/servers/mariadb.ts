import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, chownSync, constants, cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { cacheDirectory } from './cache.ts';
import { memoryFolder } from './memory-folder.ts';
import { freePort } from './port.ts';
import { guarded, ServerProcess, unprivilegedAccount } from './process.ts';
import { until } from './wait.ts';

export interface MariadbOptions {
  /** Options of the server, over the harness's own: `{ 'log-bin': 'binlog' }`; an empty value is an option without one. */
  settings?: Record<string, string>;
  /** Of `root` over TCP. Default: a random one. */
  rootPassword?: string;
  /** Where its folder is made. Default: in memory, where there is room, else the system's for temporary files. */
  folder?: string;
}

export interface MariadbServer {
  host: string;
  port: number;
  /** The Unix socket, through which `root` needs no password: for the test itself. */
  socket: string;
  dataDirectory: string;
  logFile: string;
  rootPassword: string;
  readonly pid: number;
  /** `mysql://USER@127.0.0.1:PORT/DB` without a password, as the product wants it. */
  url(database?: string, user?: string): string;
  /** Runs SQL as root through the stock client; returns unaligned rows, fields separated by tabs. */
  sql(text: string, database?: string): Promise<string>;
  /** A session of the driver as root. */
  session(database?: string): Promise<mysql.Connection>;
  stop(): Promise<void>;
  /** Kills the server as an OOM killer would; the files stay. */
  kill9(): Promise<void>;
  /** Ends the server (if it runs) and starts it again on the same port and files. */
  restart(): Promise<void>;
}

const run = promisify(execFile);
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C.UTF-8', TZ: 'UTC' };

/** One of MariaDB's programs: of PATH, or where packages put servers. */
export function mariadbProgram(name: string): string {
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/libexec',
    '/usr/local/bin',
    '/opt/homebrew/bin',
  ];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not there.
    }
  }
  throw new Error(`${name} is not installed; run npm run setup`);
}

/** Starts a server of its own in a temporary folder, as an unprivileged user; nothing is synced to the disk. */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbServer> {
  const account = unprivilegedAccount();
  const base = mkdtempSync(join(options.folder ?? memoryFolder(2 ** 29), 'backupctl-test-maria-'));
  if (account !== null) chownSync(base, account.uid, account.gid);
  const dataDirectory = join(base, 'data');
  const logFile = join(base, 'server.log');
  const socket = join(base, 's.sock');
  const rootPassword = options.rootPassword ?? randomBytes(12).toString('hex');
  let server: ServerProcess | undefined;
  let port = 0;

  const asAccount = async (program: string, args: readonly string[], input = ''): Promise<string> => {
    const [command, words] = guarded(mariadbProgram(program), args, account);
    const pending = run(command, words, {
      cwd: base,
      env: environment,
      maxBuffer: 256 * 1024 * 1024,
      ...(account !== null && command !== 'setpriv' ? { uid: account.uid, gid: account.gid } : {}),
    });
    pending.child.stdin?.on('error', () => {});
    pending.child.stdin?.end(input);
    try {
      return (await pending).stdout;
    } catch (error) {
      const stderr = (error as { stderr?: string }).stderr ?? '';
      throw new Error(`${program}: ${stderr.trim() || (error as Error).message}`, { cause: error });
    }
  };

  const sql = async (text: string, database = ''): Promise<string> =>
    (
      await asAccount(
        'mariadb',
        [
          '--no-defaults',
          `--socket=${socket}`,
          '--user=root',
          '--batch',
          '--raw',
          '--skip-column-names',
          '--binary-mode',
          '--comments',
          '--max-allowed-packet=1G',
          '--default-character-set=utf8mb4',
          ...(database === '' ? [] : [`--database=${database}`]),
        ],
        text,
      )
    ).trimEnd();

  const boot = async (): Promise<void> => {
    const settings: Record<string, string> = {
      'innodb-flush-log-at-trx-commit': '0',
      'innodb-buffer-pool-size': '64M',
      'innodb-doublewrite': 'OFF',
      'innodb-flush-method': 'nosync',
      'sync-frm': '0',
      'performance-schema': 'OFF',
      'sync-binlog': '0',
      'server-id': '1',
      'skip-name-resolve': '',
      ...options.settings,
    };
    server = ServerProcess.start({
      command: mariadbProgram('mariadbd'),
      args: [
        '--no-defaults',
        `--datadir=${dataDirectory}`,
        `--socket=${socket}`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--pid-file=${join(base, 'pid')}`,
        `--tmpdir=${base}`,
        ...Object.entries(settings).map(([name, value]) =>
          value === '' ? `--${name}` : `--${name}=${value}`,
        ),
      ],
      env: environment,
      cwd: base,
      logFile,
      as: account,
    });
    const started = server;
    await until(
      async () => {
        if (!started.running) return 'ended';
        await sql('select 1');
        return 'ready';
      },
      { what: `MariaDB on port ${port}`, timeout: 60_000, interval: 100 },
    );
    if (!started.running) throw new Error(`MariaDB did not start: ${started.tail()}`);
  };

  try {
    await initialise(dataDirectory, asAccount);
    for (let attempt = 1; ; attempt += 1) {
      port = await freePort();
      try {
        await boot();
        break;
      } catch (error) {
        const taken = server?.tail().includes('Address already in use') ?? false;
        await server?.kill9();
        if (!taken || attempt === 5) throw error;
      }
    }
    await sql(
      `CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '${rootPassword.replaceAll(/['\\]/g, '\\$&')}';
       GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;`,
    );
  } catch (error) {
    await server?.kill9();
    await rm(base, { recursive: true, force: true });
    throw error;
  }

  return {
    host: '127.0.0.1',
    port,
    socket,
    dataDirectory,
    logFile,
    rootPassword,
    get pid() {
      return server?.pid ?? -1;
    },
    url: (database = '', user = 'root') =>
      `mysql://${encodeURIComponent(user)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    sql,
    session: async (database) => {
      const connection = await mysql.createConnection({
        socketPath: socket,
        user: 'root',
        ...(database === undefined ? {} : { database }),
        charset: 'utf8mb4',
        dateStrings: true,
        supportBigNumbers: true,
        bigNumberStrings: true,
        multipleStatements: true,
      });
      connection.on('error', () => {});
      return connection;
    },
    stop: async () => {
      await server?.stop();
      await rm(base, { recursive: true, force: true });
    },
    kill9: async () => {
      await server?.kill9();
    },
    restart: async () => {
      await server?.stop();
      await boot();
    },
  };
}

type Runner = (program: string, args: readonly string[]) => Promise<string>;

/** `mariadb-install-db` takes seconds, a copy of what it made less: it runs once per version and machine. */
async function initialise(dataDirectory: string, runner: Runner): Promise<void> {
  const account = unprivilegedAccount();
  const version = /\d+\.\d+\.\d+/.exec(await runner('mariadbd', ['--no-defaults', '--version']))?.[0] ?? '0';
  const templates = join(cacheDirectory(), 'initdb');
  const template = join(templates, `mariadb${version}`);
  mkdirSync(templates, { recursive: true, mode: 0o755 });
  const exists = await access(join(template, 'mysql')).then(
    () => true,
    () => false,
  );
  if (exists) {
    cpSync(template, dataDirectory, { recursive: true });
    if (account !== null) await run('chown', ['-R', `${account.uid}:${account.gid}`, dataDirectory]);
    await run('chmod', ['700', dataDirectory]);
    return;
  }
  await runner('mariadb-install-db', [
    '--no-defaults',
    `--datadir=${dataDirectory}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ]);
  const draft = mkdtempSync(join(templates, 'draft-'));
  cpSync(dataDirectory, draft, { recursive: true });
  // Another test process may have been faster; then its template stays.
  await rename(draft, template).catch(() => rm(draft, { recursive: true, force: true }));
}

/** Gives a file or folder of a test to the account that the server runs as. */
export function readableByServer(path: string): void {
  const account = unprivilegedAccount();
  if (account !== null) chownSync(path, account.uid, account.gid);
}
