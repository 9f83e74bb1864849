import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../test/servers/cache.ts';
import type { JournalLine } from './journal.ts';
import { kinds } from './registry.ts';

const file = join(projectRoot, 'docs', 'faults.md');
const marks = [
  '<!-- table: written by npm run prove -- faults --write -->',
  '<!-- end of table -->',
] as const;

type Journals = ReadonlyMap<string, readonly JournalLine[]>;

/** What came of each kind, a row a kind. */
export function tableOf(journals: Journals): string {
  const lines = [...journals.values()].flat();
  const rows = kinds.flatMap((kind) => {
    const struck = lines.flatMap((line) =>
      line.faults.filter((fault) => fault.kind === kind.name).map((fault) => ({ fault, line })),
    );
    if (struck.length === 0) return [];
    const count = (outcome: string) => struck.filter(({ fault }) => fault.outcome === outcome).length;
    const seconds = struck.map(({ line }) => line.healthySeconds).sort((a, b) => a - b);
    const cells = [
      `\`${kind.name}\``,
      kind.does,
      ...[struck.length, count('survived'), count('retried'), count('failed loudly'), count('violated')],
      `${middle(seconds).toFixed(1)} s`,
      `${(seconds.at(-1) ?? 0).toFixed(1)} s`,
    ];
    return [{ group: kind.group, cells, struck }];
  });
  const sum = (at: number) => rows.reduce((total, { cells }) => total + Number(cells[at]), 0);
  const all = lines.map(({ healthySeconds }) => healthySeconds).sort((a, b) => a - b);
  const total = ['**all**', `${lines.length} runs`, sum(2), sum(3), sum(4), sum(5), sum(6)];
  return [
    '| kind | what is done | tried | survived | retried | failed loudly | violated | median until healthy | longest |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(({ cells }) => `| ${cells.join(' | ')} |`),
    `| ${[...total, `${middle(all).toFixed(1)} s`, `${(all.at(-1) ?? 0).toFixed(1)} s`].join(' | ')} |`,
  ].join('\n');
}

/** Puts the table of everything that was done into docs/faults.md. */
export function writeTable(journals: Journals): void {
  const text = readFileSync(file, 'utf8');
  const [begin, end] = marks;
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${file} has lost the marks of its table`);
  const body = [begin, '', tableOf(journals), '', ...sources(journals), ''].join('\n');
  writeFileSync(file, `${text.slice(0, from)}${body}${text.slice(to)}`);
}

/** Which seeds, how many runs, and with what. */
function sources(journals: Journals): string[] {
  const memory = Math.round(totalmem() / 2 ** 30);
  const lines = [...journals].map(([name, runs]) => {
    const commits = [...new Set(runs.map(({ commit }) => commit))];
    const struck = runs.reduce((sum, { faults }) => sum + faults.length, 0);
    return `- \`${name}\`: ${runs.length} runs, ${struck} faults, commits ${commits.join(', ')}`;
  });
  return [
    ...lines,
    `- ${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${memory} GiB`,
  ];
}

function middle(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
