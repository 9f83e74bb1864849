import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chownSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { access, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cacheDirectory, postgresBinaries } from './cache.ts';
import { freePort } from './port.ts';
import { guarded, ServerProcess, unprivilegedAccount } from './process.ts';
import { until } from './wait.ts';

export interface PostgresOptions {
  version: 15 | 18;
  /** Lines of postgresql.conf, over the harness's own. */
  settings?: Record<string, string>;
  /** Of the role `postgres`, over TCP. Default: a random one. */
  superuserPassword?: string;
  /** Where its folder is made. Default: the system's for temporary files. */
  folder?: string;
  /** Further words for `initdb`, such as `--data-checksums`; a cluster with them is not copied from the template. */
  initdb?: readonly string[];
}

export interface PostgresServer {
  version: 15 | 18;
  host: string;
  port: number;
  /** The folder of the Unix socket, which trusts whoever connects: for the test itself, not for the product. */
  socketDirectory: string;
  dataDirectory: string;
  logFile: string;
  binDir: string;
  superuserPassword: string;
  readonly pid: number;
  /** `postgres://USER@127.0.0.1:PORT/DB` without a password, as the product wants it. */
  url(database?: string, user?: string): string;
  /** Runs SQL as the superuser through the socket; returns unaligned rows, fields separated by `|`. Throws psql's error. */
  psql(sql: string, database?: string): Promise<string>;
  /** Runs one of PostgreSQL's programs of this version against this server as the superuser, through the socket. */
  run(program: string, args: readonly string[]): Promise<string>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
  /** Kills the postmaster as an OOM killer would; the files stay. */
  kill9(): Promise<void>;
  /** Ends the server (if it runs) and starts it again on the same port and files. */
  restart(): Promise<void>;
}

const run = promisify(execFile);
const childEnvironment = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' };

/** Starts a cluster of its own in a temporary folder; `fsync` is off, TCP wants SCRAM passwords. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binDir = postgresBinaries(options.version);
  const account = unprivilegedAccount();
  const base = mkdtempSync(join(options.folder ?? tmpdir(), `backupctl-test-pg${options.version}-`));
  if (account !== null) chownSync(base, account.uid, account.gid);
  const dataDirectory = join(base, 'data');
  const logFile = join(base, 'server.log');
  const superuserPassword = options.superuserPassword ?? randomBytes(12).toString('hex');
  let server: ServerProcess | undefined;
  let port = 0;

  const asAccount = async (program: string, args: readonly string[], input?: string): Promise<string> => {
    const [command, words] = guarded(join(binDir, program), args, account);
    const pending = run(command, words, {
      cwd: base,
      env: childEnvironment,
      maxBuffer: 256 * 1024 * 1024,
      ...(account !== null && command !== 'setpriv' ? { uid: account.uid, gid: account.gid } : {}),
    });
    pending.child.stdin?.on('error', () => {}); // psql may end before it has read everything
    pending.child.stdin?.end(input ?? '');
    try {
      return (await pending).stdout;
    } catch (error) {
      const stderr = (error as { stderr?: string }).stderr ?? '';
      throw new Error(`${program}: ${stderr.trim() || (error as Error).message}`, { cause: error });
    }
  };

  const connection = () => ['-h', base, '-p', String(port), '-U', 'postgres'];
  const psql = async (sql: string, database = 'postgres'): Promise<string> => {
    const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', ...connection(), '-d', database, '-f', '-'];
    return (await asAccount('psql', args, sql)).trimEnd();
  };

  const boot = async (patience = 50): Promise<void> => {
    server = ServerProcess.start({
      command: join(binDir, 'postgres'),
      args: ['-D', dataDirectory, '-p', String(port)],
      env: childEnvironment,
      cwd: base,
      logFile,
      as: account,
    });
    const started = server;
    await until(
      async () => {
        if (!started.running) return 'ended';
        await psql('select 1');
        return 'ready';
      },
      { what: `PostgreSQL ${options.version} on port ${port}` },
    );
    if (started.running) return;
    // A session outlives its killed server for a moment, and keeps the next one out for so long.
    if (started.tail().includes('shared memory block') && patience > 0) {
      await sleep(200);
      return boot(patience - 1);
    }
    throw new Error(`PostgreSQL did not start: ${started.tail()}`);
  };

  try {
    await initialise(dataDirectory, options.initdb, asAccount);
    appendFileSync(join(dataDirectory, 'postgresql.conf'), configuration(base, options.settings));
    writeFileSync(
      join(dataDirectory, 'pg_hba.conf'),
      'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\nlocal replication all trust\nhost replication all 127.0.0.1/32 scram-sha-256\n',
    );
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
    await psql(`ALTER ROLE postgres PASSWORD '${superuserPassword.replaceAll("'", "''")}'`);
  } catch (error) {
    await server?.kill9();
    await rm(base, { recursive: true, force: true });
    throw error;
  }

  return {
    version: options.version,
    host: '127.0.0.1',
    port,
    socketDirectory: base,
    dataDirectory,
    logFile,
    binDir,
    superuserPassword,
    get pid() {
      return server?.pid ?? -1;
    },
    url: (database = '', user = 'postgres') =>
      `postgres://${encodeURIComponent(user)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    psql,
    run: (program, args) => asAccount(program, [...connection(), ...args]),
    stop: async () => {
      await server?.stop('SIGINT'); // fast shutdown
      await rm(base, { recursive: true, force: true });
    },
    kill9: async () => server?.kill9(),
    restart: async () => {
      await server?.stop('SIGINT');
      await boot();
    },
  };
}

function configuration(base: string, settings: Record<string, string> = {}): string {
  const all: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: base,
    cluster_name: 'backupctl-test',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    shared_buffers: '32MB',
    max_connections: '60',
    dynamic_shared_memory_type: 'mmap', // a container's /dev/shm may be tiny or closed
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

type Runner = (program: string, args: readonly string[]) => Promise<string>;

/** `initdb` takes a second or two, a copy of what it made a tenth: it runs once per version and machine. */
async function initialise(
  dataDirectory: string,
  extra: readonly string[] | undefined,
  runner: Runner,
): Promise<void> {
  const words = ['-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'];
  if (extra !== undefined) {
    await runner('initdb', [...words, ...extra, '-D', dataDirectory]);
    return;
  }
  const full = (await runner('initdb', ['--version'])).replace(/[^0-9.]+/g, '-').replace(/-+$/, '');
  const templates = join(cacheDirectory(), 'initdb');
  const template = join(templates, `pg${full}`);
  mkdirSync(templates, { recursive: true, mode: 0o755 });
  const exists = await access(join(template, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (exists) {
    const account = unprivilegedAccount();
    cpSync(template, dataDirectory, { recursive: true });
    if (account !== null) await run('chown', ['-R', `${account.uid}:${account.gid}`, dataDirectory]);
    await run('chmod', ['700', dataDirectory]);
    return;
  }
  await runner('initdb', [...words, '-D', dataDirectory]);
  const draft = mkdtempSync(join(templates, 'draft-'));
  cpSync(dataDirectory, draft, { recursive: true });
  // Another test process may have been faster; then its template stays.
  await rename(draft, template).catch(() => rm(draft, { recursive: true, force: true }));
}
