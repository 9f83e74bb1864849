/**
 * `npm run demo`: from a cron pattern to restored rows, on a real PostgreSQL and a real Temporal. Everything happens in
 * one temporary folder that is removed at the end, also after Ctrl-C. Every table is what the command printed.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresBinaries } from '../test/servers/cache.ts';
import { type Platform, startPlatform } from '../test/servers/platform.ts';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';
import { type CliResult, createWorkspace, type Workspace } from '../test/servers/workspace.ts';
import { paint, print, printCommand, printTable, seconds } from './demo-console.ts';
import { countRows, shop } from './demo-data.ts';

interface Timing {
  title: string;
  milliseconds: number;
}

const timings: Timing[] = [];
/** Whether nothing stands below the heading yet: commands have an empty line between them. */
let first = true;
const interrupted = new AbortController();
let workspace: Workspace | undefined;
let postgres: PostgresServer | undefined;
let platform: Platform | undefined;

/** One numbered part of the demo; its time is shown at the end. */
async function part(title: string, work: () => Promise<void>): Promise<void> {
  interrupted.signal.throwIfAborted();
  print(`\n\n${paint('bold', `${timings.length + 1}. ${title}`)}\n`);
  first = true;
  const began = performance.now();
  await work();
  timings.push({ title, milliseconds: performance.now() - began });
}

function started<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error('a part of the demo was left out');
  return thing;
}

/** Prints a command, runs it against the platform, prints what it says; a failure ends the demo. */
async function show(...args: string[]): Promise<void> {
  separate();
  printCommand(`backupctl ${args.map(quote).join(' ')}`);
  const result = await started(platform).cli(args);
  print(result.stdout.trimEnd());
  if (result.stderr !== '') print(paint('dim', result.stderr.trimEnd()));
  ensure(result, args);
}

function separate(): void {
  if (!first) print();
  first = false;
}

function ensure(result: CliResult, args: readonly string[]): void {
  interrupted.signal.throwIfAborted();
  if (result.code !== 0) {
    throw new Error(
      `backupctl ${args.join(' ')} ended with exit code ${result.code}: ${result.stderr.trim()}`,
    );
  }
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word}"`;
}

interface ExecutionRow {
  id: string;
  state: string;
  output: { status?: string; error?: string };
}

/** Waits until the schedule has made a run by itself and the run has ended. */
async function firstRun(schedule: string): Promise<void> {
  const { next_execution_time: next } = await started(platform).json<{ next_execution_time: string }>([
    'schedule-show',
    schedule,
  ]);
  const due = Date.parse(/Z|[+-]\d\d:?\d\d$/.test(next) ? next : `${next.replace(' ', 'T')}Z`);
  print(`Nothing is triggered by hand here: cron fires at ${new Date(due).toISOString().slice(11, 19)} UTC.`);
  await countDown(due);
  const end = Date.now() + 90_000;
  for (;;) {
    const rows = await started(platform).json<ExecutionRow[]>(['execution-list', schedule]);
    const run = rows.find((row) => row.state !== 'RUNNING');
    if (run?.state === 'SUCCESS') break;
    if (run !== undefined) throw new Error(`the run ended as ${run.state}: ${JSON.stringify(run.output)}`);
    if (Date.now() > end) throw new Error('the schedule made no run that ended within 90 s of its time');
    await sleep(300, undefined, { signal: interrupted.signal });
  }
  print(`It fired, and the run has ended ${seconds(Date.now() - due)} after its time.`);
  first = false;
}

/** Waits until `due`; a terminal sees the seconds, a file one line. */
async function countDown(due: number): Promise<void> {
  const left = () => Math.max(0, Math.ceil((due - Date.now()) / 1000));
  if (process.stdout.isTTY !== true) print(`Waiting ${left()} s for it …`);
  while (Date.now() < due) {
    if (process.stdout.isTTY === true) process.stdout.write(`\rWaiting ${left()} s for it …  `);
    await sleep(Math.min(1000, due - Date.now()), undefined, { signal: interrupted.signal });
  }
  if (process.stdout.isTTY === true) process.stdout.write('\r\u001b[K');
}

/** Runs a pipeline of stock tools as a user without backupctl would type it. */
async function shell(command: string, cwd: string, env: Record<string, string>): Promise<void> {
  printCommand(command);
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: { PATH: `${postgresBinaries(18)}:${process.env.PATH ?? ''}`, LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  interrupted.signal.throwIfAborted();
  if (code !== 0) throw new Error(`"${command}" ended with exit code ${code}`);
}

async function rowsOf(database: string): Promise<string[][]> {
  const rows = await started(postgres).psql(countRows, database);
  return rows.split('\n').map((row) => row.split('|'));
}

/** Compares databases row by row (by a hash over all of them) and shows the counts. */
async function compare(databases: Record<string, string>): Promise<void> {
  separate();
  const sides = await Promise.all(Object.values(databases).map(rowsOf));
  const first = sides[0] ?? [];
  const same = (at: number) => sides.every((side) => side[at]?.join() === first[at]?.join());
  printTable(
    ['Relation', ...Object.keys(databases), 'Same rows'],
    first.map(([name = ''], at) => [
      name,
      ...sides.map((side) => side[at]?.[1] ?? '-'),
      same(at) ? 'yes' : 'NO',
    ]),
  );
  if (!first.every((_, at) => same(at))) throw new Error('the databases differ');
}

async function demo(): Promise<void> {
  const work = createWorkspace('demo', 'backupctl-');
  workspace = work;

  await part('A PostgreSQL cluster with a database in it', async () => {
    const server = await startPostgres({ version: 18 });
    postgres = server;
    await server.psql('CREATE DATABASE shop');
    await server.psql(shop, 'shop');
    await work.file('password', `${server.superuserPassword}\n`);
    const version = await server.psql('SHOW server_version');
    print(`PostgreSQL ${version} answers on port ${server.port}; its database "shop" has four relations.`);
  });

  await part('The platform: Temporal, a worker, a repository', async () => {
    const dataDir = work.path('data');
    printCommand(`backupctl up --data-dir ${dataDir} &`);
    platform = await startPlatform({ dataDir, args: ['--log-format', 'text'] });
    print(platform.stdout.trimEnd());
    print();
    printCommand(`export BACKUPCTL_DATA_DIR=${dataDir}`);
  });

  let schedule = '';
  await part('An instance, and a schedule for it', async () => {
    await show(
      'instance-create',
      'orders',
      '--url',
      started(postgres).url('shop'),
      '--password-file',
      work.path('password'),
    );
    await show('schedule-create', 'orders', '*/1 * * * *', 'every-minute', '--keep-last', '10');
    await show('schedule-list', 'orders');
    const [created] = await started(platform).json<{ id: string }[]>(['schedule-list', 'orders']);
    schedule = started(created).id;
  });

  await part('Its first run, by itself', async () => {
    await firstRun(schedule);
    await show('schedule-show', schedule);
    await show('execution-list', schedule);
    await show('backup-list');
  });

  await part('A restore into a new database of the same server', async () => {
    await show(
      'restore-create',
      'orders@latest',
      '--to',
      'orders',
      '--create-database',
      'shop_restored',
      '--wait',
    );
    await compare({ shop: 'shop', shop_restored: 'shop_restored' });
  });

  await part('The same backup opened by age, zstd and pg_restore', async () => {
    const server = started(postgres);
    const { dataDir } = started(platform);
    const [object] = globSync('repository/backups/*/*/data/*/**/shop.pgc.zst.0000.age', {
      cwd: dataDir,
    }).sort();
    if (object === undefined) throw new Error('the repository holds no object shop.pgc.zst.0000.age');
    const folder = dirname(join(dataDir, object));
    separate();
    printCommand(`cd ${folder}`);
    await server.psql('CREATE DATABASE shop_by_hand');
    await shell(
      `age -d -i "$BACKUPCTL_DATA_DIR/identity.txt" ${basename(object)} | zstd -d | pg_restore --exit-on-error -d shop_by_hand`,
      folder,
      {
        BACKUPCTL_DATA_DIR: dataDir,
        PGHOST: server.socketDirectory,
        PGPORT: String(server.port),
        PGUSER: 'postgres',
      },
    );
    await compare({ shop: 'shop', shop_by_hand: 'shop_by_hand' });
  });
}

/** Ends what was started and removes what was written; says so, and never throws. */
async function cleanUp(): Promise<void> {
  const began = performance.now();
  const steps = [() => platform?.stop(), () => postgres?.stop(), () => workspace?.remove()];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      print(`while cleaning up: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
  timings.push({ title: 'Cleaning up', milliseconds: performance.now() - began });
}

const setup = Number(process.env.BACKUPCTL_DEMO_SETUP_SECONDS ?? 0) * 1000;
const began = performance.now();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!interrupted.signal.aborted) print('\ninterrupted: cleaning up …');
    interrupted.abort(new Error('interrupted'));
  });
}
// The reader may leave early (`npm run demo | head`): clean up as after Ctrl-C.
process.stdout.on('error', () => interrupted.abort(new Error('interrupted')));
try {
  await demo();
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = 130;
  else {
    process.exitCode = 1;
    print(`\n${paint('red', 'The demo failed:')} ${(error as Error).message}`);
  }
}
await cleanUp();
if (process.exitCode === undefined) {
  print(
    `\n${paint('green', 'Done.')} Everything that the demo started has ended, and what it wrote is gone.\n`,
  );
  printTable(
    ['Part', 'Took'],
    [
      ['Set-up', seconds(setup)],
      ...timings.map(({ title, milliseconds }) => [title, seconds(milliseconds)]),
      ['All', seconds(setup + performance.now() - began)],
    ],
  );
  print(`
What to try next
  ./bin/backupctl up --data-dir ~/backups &          your own platform; it comes back with everything after a restart
  export BACKUPCTL_DATA_DIR=~/backups
  ./bin/backupctl instance-create mine --url postgres://USER@HOST/DATABASE --password-file FILE
  ./bin/backupctl schedule-create mine "30 2 * * *" nightly --timezone Europe/Paris
  ./bin/backupctl status                             am I protected?
  ./bin/backupctl restore-create mine@latest --to mine --create-database copy --wait
  ./bin/backupctl --help                             every command, each with examples`);
}
