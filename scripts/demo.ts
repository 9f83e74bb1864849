/**
 * `npm run demo`: from a cron pattern to restored contents, on a real Temporal and a real PostgreSQL, or on what `--engine`
 * names. Everything happens in one temporary folder that is removed at the end, also after Ctrl-C. Every table is what the command printed.
 */
import { spawn } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Platform, startPlatform } from '../test/servers/platform.ts';
import { type CliResult, createWorkspace, type Workspace } from '../test/servers/workspace.ts';
import type { DemoSubject, Place, RunningDemo } from './demo/subject.ts';
import { subjects } from './demo/subjects.ts';
import { paint, print, printCommand, printTable, seconds } from './demo-console.ts';

interface Timing {
  title: string;
  milliseconds: number;
}

const timings: Timing[] = [];
/** Whether nothing stands below the heading yet: commands have an empty line between them. */
let first = true;
const interrupted = new AbortController();
let workspace: Workspace | undefined;
let subject: DemoSubject | undefined;
let running: RunningDemo | undefined;
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
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  interrupted.signal.throwIfAborted();
  if (code !== 0) throw new Error(`"${command}" ended with exit code ${code}`);
}

/** Compares places thing by thing (by a hash over all that is in each) and shows the counts. */
async function compare(...places: Place[]): Promise<void> {
  separate();
  const { rowsOf, names, thing } = started(running);
  const sides = await Promise.all(places.map(rowsOf));
  const first = sides[0] ?? [];
  const same = (at: number) => sides.every((side) => side[at]?.join() === first[at]?.join());
  printTable(
    [thing, ...places.map((place) => names[place]), 'Same contents'],
    first.map(([name], at) => [name, ...sides.map((side) => side[at]?.[1] ?? '-'), same(at) ? 'yes' : 'NO']),
  );
  const complete = sides.every((side) => side.length === first.length);
  if (!complete || !first.every((_, at) => same(at))) throw new Error('what came back differs');
}

/** The sealed object that holds the newest backup. */
async function sealedObject(): Promise<string> {
  const { manifest } = await started(platform).json<{
    manifest: { contents: { stream: string }[]; objects: { stream: string; key: string }[] };
  }>(['backup-show', 'orders@latest']);
  const wanted = manifest.contents[0]?.stream;
  const object = manifest.objects.find(({ stream }) => stream === wanted);
  if (object === undefined) throw new Error('the backup has no object');
  return join(started(platform).dataDir, 'repository', object.key);
}

async function demo(subject: DemoSubject): Promise<void> {
  const work = createWorkspace('demo', 'backupctl-');
  workspace = work;

  await part(subject.title, async () => {
    running = await subject.start(work);
    print(running.intro);
  });

  await part('The platform: Temporal, a worker, a repository', async () => {
    const dataDir = work.path('data');
    printCommand(`backupctl up --data-dir ${dataDir} &`);
    platform = await startPlatform({ dataDir, args: ['--log-format', 'text'] });
    print(platform.stdout.trimEnd());
    print();
    printCommand(`export BACKUPCTL_DATA_DIR=${dataDir}`);
  });

  const { instance, restore, byHand } = started(running);
  let schedule = '';
  await part('An instance, and a schedule for it', async () => {
    await show('instance-create', 'orders', ...instance);
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

  await part(restore.title, async () => {
    await show('restore-create', 'orders@latest', ...restore.words, '--wait');
    await compare('source', 'restored');
  });

  await part(byHand.title, async () => {
    const object = await sealedObject();
    separate();
    printCommand(`cd ${dirname(object)}`);
    await byHand.prepare();
    await shell(byHand.command(quote(basename(object))), dirname(object), {
      BACKUPCTL_DATA_DIR: started(platform).dataDir,
      ...byHand.env,
    });
    await compare('source', 'by hand');
  });
}

/** What `--engine` names; PostgreSQL without it. */
async function subjectOf(words: readonly string[]): Promise<DemoSubject> {
  const name = words.length === 0 ? 'postgres' : (/^--engine[= ](.*)$/.exec(words.join(' '))?.[1] ?? '');
  const subject = Object.hasOwn(subjects, name) ? subjects[name] : undefined;
  if (subject !== undefined) return subject();
  throw new Error(`npm run demo -- --engine ${Object.keys(subjects).join(' | ')}`);
}

/** Ends what was started and removes what was written; says so, and never throws. */
async function cleanUp(): Promise<void> {
  const began = performance.now();
  const steps = [() => platform?.stop(), () => running?.stop(), () => workspace?.remove()];
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
  subject = await subjectOf(process.argv.slice(2));
  await demo(subject);
} catch (error) {
  if (interrupted.signal.aborted) process.exitCode = 130;
  else {
    process.exitCode = 1;
    print(`\n${paint('red', 'The demo failed:')} ${(error as Error).message}`);
  }
}
await cleanUp();
if (process.exitCode === undefined && subject !== undefined) {
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
  ./bin/backupctl instance-create mine ${subject.next.instance}
  ./bin/backupctl schedule-create mine "30 2 * * *" nightly --timezone Europe/Paris
  ./bin/backupctl status                             am I protected?
  ./bin/backupctl restore-create mine@latest ${subject.next.restore} --wait
  ./bin/backupctl --help                             every command, each with examples`);
}
