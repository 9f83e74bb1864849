import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../test/servers/cache.ts';
import { everyJournal, FaultJournal } from './journal.ts';
import type { FaultKind } from './kind.ts';
import { openWorld } from './open-world.ts';
import { planOf } from './plan.ts';
import { kinds } from './registry.ts';
import { Arena, closeArena, type RunResult, runPlan } from './run.ts';
import { tableOf, writeTable } from './table.ts';

export const faultsUsage = `npm run prove -- faults [--seed N] [--runs N] [--only KIND,…] [--from N] [--minutes N] [--fresh] [--write]

  --seed N      plans come from this number; default 1
  --runs N      how many runs there are in all; default 100, and 10 for a kind that lasts minutes
  --only KIND   only these kinds (or a group such as processes); the only way to run those that last minutes
  --from N      begin with this run, whatever was done before, to do one again
  --minutes N   begin no run after so many minutes; default 85
  --fresh       forget what was done with this seed and selection
  --write       put a table of everything that was done into docs/faults.md; alone: only that
  --list        print the kinds
The same words go on where they ended, after Ctrl-C too.
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** `npm run prove -- faults`. @returns the exit code. @throws TypeError for words that are off */
export async function faults(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seed: { type: 'string', default: '1' },
      runs: { type: 'string' },
      only: { type: 'string', default: '' },
      from: { type: 'string' },
      minutes: { type: 'string', default: '85' },
      fresh: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return print(faultsUsage);
  if (values.list)
    return print(`${kinds.map(({ name, group, does }) => `${name} (${group}): ${does}`).join('\n')}\n`);
  if (words.length === 1 && values.write) {
    writeTable(everyJournal());
    return 0;
  }
  const chosen = choose(values.only);
  const minutesKind = chosen.some(({ minutes }) => minutes);
  const seed = number(values.seed, 'seed');
  const runs = number(values.runs ?? (minutesKind ? '10' : '100'), 'runs');
  const journal = new FaultJournal(seed, values.only);
  if (values.fresh) journal.remove();
  const done = journal.read().length;
  const from = values.from === undefined ? done : number(values.from, 'from');
  const results = await doRuns(seed, { from, to: runs }, chosen, number(values.minutes, 'minutes'), journal);
  say(tableOf(new Map([[`seed-${seed}`, journal.read()]])));
  if (values.write) writeTable(everyJournal());
  return results.some(({ violations }) => violations.length > 0) ? 1 : 0;
}

async function doRuns(
  seed: number,
  { from, to }: { from: number; to: number },
  chosen: readonly FaultKind[],
  minutes: number,
  journal: FaultJournal,
): Promise<RunResult[]> {
  let stopped = false;
  const stop = () => {
    say('ends after this run; the same words go on from here');
    stopped = true;
  };
  process.once('SIGINT', stop);
  // A call that was to be tried again by the SDK when its connection was closed throws past everybody.
  process.on('uncaughtException', (error) => {
    if (!/Channel has been (shut down|closed)/.test(error.message)) throw error;
  });
  process.once('SIGTERM', stop);
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: projectRoot,
    encoding: 'utf8',
  }).trim();
  const end = performance.now() + minutes * 60_000;
  const results: RunResult[] = [];
  let arena: Arena | null = null;
  try {
    for (let index = from; index < to && !stopped && performance.now() < end; index += 1) {
      const plan = planOf(seed, index, chosen);
      if (arena !== null && arena.world.name !== plan.world) {
        await closeArena(arena);
        arena = null;
      }
      arena ??= new Arena(await openWorld(plan.world).catch(() => openWorld(plan.world)));
      const result = await runPlan(arena, plan);
      results.push(result);
      journal.append({ ...result, commit });
      sayResult(result);
      if (result.spoilt || (index + 1) % runsPerPlatform === 0) {
        await closeArena(arena);
        arena = null;
      }
    }
  } finally {
    if (arena !== null) await closeArena(arena);
  }
  return results;
}

/** After so many runs everything begins anew, so that nothing grows without end. */
const runsPerPlatform = 50;

function sayResult({
  index,
  world,
  faults,
  missed,
  seconds,
  healthySeconds,
  ends,
  said,
  violations,
}: RunResult): void {
  const struck = faults.map(({ kind, outcome }) => `${kind} ${outcome}`);
  const words = [...struck, ...missed.map((kind) => `(${kind} met nothing)`)].join(', ');
  const states = Object.entries(ends).map(([state, count]) => `${count} ${state}`);
  say(
    `${index} ${world} ${seconds.toFixed(0)} s, healthy after ${healthySeconds.toFixed(1)} s: ${words}; ${states.join(', ')}`,
  );
  for (const line of said) say(`  ${line}`);
  for (const line of violations) say(`  VIOLATED ${line}`);
}

function choose(only: string): readonly FaultKind[] {
  if (only === '') return kinds.filter(({ minutes }) => !minutes);
  return only.split(',').flatMap((word) => {
    const found = kinds.filter((kind) => kind.name === word || (kind.group === word && !kind.minutes));
    if (found.length === 0) throw new TypeError(`there is no kind of fault ${word}; --list prints them`);
    return found;
  });
}

function number(text: string, what: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new TypeError(`--${what} takes a number, not ${text}`);
  return Number(text);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
