import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../test/servers/cache.ts';
import type { Proof, Tally } from './proof.ts';

const file = join(projectRoot, 'docs', 'proofs.md');
const begin = (name: string) => `<!-- ${name} -->`;
const head = [
  '| proof | unit | tried | survived | retried | failed | longest until healthy |',
  '| --- | --- | ---: | ---: | ---: | ---: | ---: |',
];

export function row(proof: Proof, tally: Tally): string {
  const longest = tally.longestSeconds === 0 ? '–' : `${tally.longestSeconds.toFixed(1)} s`;
  const { tried, survived, retried, failed } = tally;
  return `| \`${proof.name}\` | ${[proof.unit, tried, survived, retried, failed, longest].join(' | ')} |`;
}

export function table(rows: readonly string[]): string {
  return [...head, ...rows].join('\n');
}

/** Puts the rows of these proofs into `docs/proofs.md`; those of others stay as they are. */
export function writeReport(results: readonly { proof: Proof; seed: number; tally: Tally }[]): void {
  let text = readFileSync(file, 'utf8');
  for (const { proof, seed, tally } of results) {
    const mark = begin(proof.name);
    const line = `${row(proof, tally)} ${mark}`;
    const old = text.split('\n').find((each) => each.endsWith(mark));
    if (old === undefined) throw new Error(`${file} has no line for ${proof.name}`);
    text = text.replace(old, () => line);
    const said = `- \`${proof.name}\`: ${proof.claim}. Seed ${seed}, ${today()}, ${machine()}.`;
    const oldSaid = text.split('\n').find((each) => each.startsWith(`- \`${proof.name}\`:`));
    if (oldSaid !== undefined) text = text.replace(oldSaid, () => said);
  }
  writeFileSync(file, text);
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

function machine(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim()}), ${memory} GiB, commit ${commit.trim()}`;
}
