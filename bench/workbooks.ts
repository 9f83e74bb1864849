import { evaluate } from '../workbooks/expressions/evaluate.ts';
import { sharedFunctions } from '../workbooks/expressions/functions/shared.ts';
import { defaultLimits, type EntropySource, type Scope } from '../workbooks/expressions/language.ts';
import { parseWorkbook } from '../workbooks/language/check.ts';
import { type Contest, table } from './report.ts';
import { largeWorkbook, tasks, workbook } from './workbooks/books.ts';
import { data, jinjaMix, yaqlMix } from './workbooks/expressions.ts';
import { Mistral } from './workbooks/mistral.ts';
import { inRing, type Ring } from './workbooks/ring.ts';

const engine = "Mistral's own engine, in process (SQLite in memory, a queue for its messages)";
const compiled = "Mistral's validation, without the check of its own schemas";

/** Workbooks: whole runs, validation, and expressions, each beside what else would do it. */
export async function benchWorkbooks({ rounds }: { rounds: number }): Promise<string> {
  const mistral = Mistral.start();
  try {
    const runs = await inRing((ring) => benchRuns(ring, mistral, rounds));
    const pure = [await benchValidation(mistral, rounds), await benchExpressions(mistral, rounds)];
    return [...runs, ...pure].join('\n');
  } finally {
    await mistral?.stop();
  }
}

async function benchRuns(ring: Ring, mistral: Mistral | undefined, rounds: number): Promise<string[]> {
  const text = workbook();
  await ring.createWorkbook('bench', text);
  await mistral?.load(text);
  const tables: string[] = [];
  for (const { name, title, count, input, isActivity } of tasks(ring.url)) {
    const contenders = new Map<string, () => Promise<number>>([
      ['`workbook_run`', () => ring.ours(`bench.${name}`, input)],
      [
        isActivity
          ? 'a hand-written workflow, the same activity'
          : 'a hand-written workflow that does nothing so often',
        () => ring.handWritten(name, input),
      ],
    ]);
    if (mistral !== undefined && !isActivity)
      contenders.set(engine, () => mistral.run(`bench.${name}`, input));
    const [, peer = ''] = contenders.keys();
    const goals = new Map([
      [peer, { atLeast: 0.77 }],
      [engine, { atLeast: 1 }],
    ]);
    const seconds = await inTurn(contenders, rounds, [engine]);
    const figures = new Map(
      [...seconds].map(([contender, values]) => [contender, values.map((value) => (value * 1000) / count)]),
    );
    tables.push(table({ title, figures, unit: 'ms a task', goals }));
  }
  return tables;
}

async function benchValidation(mistral: Mistral | undefined, rounds: number): Promise<string> {
  const count = 1000;
  const text = largeWorkbook(count);
  const contenders = new Map<string, () => Promise<number>>([
    [
      'ours',
      async () => {
        const begun = performance.now();
        const { faults } = parseWorkbook(text);
        if (faults.length > 0) throw new Error(`a fault in the large workbook: ${faults[0]?.message}`);
        return (performance.now() - begun) / 1000;
      },
    ],
  ]);
  if (mistral !== undefined) {
    contenders.set(compiled, () => mistral.validate(text));
  }
  const title = `A workbook of ${count} tasks (${Math.round(text.length / 1024)} KiB) read and validated; 0.1 s is the goal`;
  const goals = new Map([[compiled, { atLeast: 1 }]]);
  return table({ title, figures: await inTurn(contenders, rounds, [compiled]), unit: 's', goals });
}

async function benchExpressions(mistral: Mistral | undefined, rounds: number): Promise<string> {
  const source: EntropySource = { now: Date.now, uuid: () => crypto.randomUUID(), random: Math.random };
  const functions = new Map([...sharedFunctions(source), ['env', () => data.__env] as const]);
  const scope: Scope = { data, functions, source, limits: defaultLimits };
  const tables: string[] = [];
  for (const [language, mix] of [
    ['YAQL', yaqlMix],
    ['Jinja', jinjaMix],
  ] as const) {
    const repeated = 200;
    const contenders = new Map<string, () => Promise<number>>([
      [
        'ours',
        async () => {
          const begun = performance.now();
          for (let n = 0; n < repeated; n++) for (const text of mix) evaluate(text, scope);
          return (performance.now() - begun) / 1000;
        },
      ],
    ]);
    const theirs = `${language === 'YAQL' ? 'YAQL' : 'Jinja2'} in Python, as Mistral calls it`;
    const few = 10;
    if (mistral !== undefined)
      contenders.set(theirs, async () => ((await mistral.evaluate(mix, data, few)) * repeated) / few);
    const seconds = await inTurn(contenders, rounds);
    const times = repeated * mix.length;
    const figures = new Map(
      [...seconds].map(([name, values]) => [name, values.map((each) => (each * 1e6) / times)]),
    );
    const rate = Math.round(1e6 / median(figures.get('ours') ?? []));
    const title = `${mix.length} expressions of ${language}: ${rate} a second`;
    tables.push(table({ title, figures, unit: 'µs each', goals: new Map([[theirs, { atLeast: 1 }]]) }));
  }
  return tables.join('\n');
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/**
 * The seconds that each says, turn by turn, after one turn that does not count. Of `slow` ones only the first turn
 * counts: Mistral takes minutes for what takes us a second.
 */
async function inTurn(
  contenders: ReadonlyMap<string, () => Promise<number>>,
  rounds: number,
  slow: readonly string[] = [],
): Promise<Contest['figures']> {
  const figures = new Map<string, number[]>([...contenders.keys()].map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of contenders) {
      if (slow.includes(name) && round !== 1) continue;
      const seconds = await measure();
      if (round > 0) figures.get(name)?.push(seconds);
    }
  }
  return figures;
}
