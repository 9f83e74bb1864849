import { parseArgs } from 'node:util';
import { generator } from '../test/fixtures/random.ts';
import { cancel } from './cancel.ts';
import { cron } from './cron.ts';
import { flip } from './flip.ts';
import { Journal } from './journal.ts';
import { kills } from './kills.ts';
import { many } from './many.ts';
import { add, type Proof, type Tally } from './proof.ts';
import { recover } from './recover.ts';
import { row, table, writeReport } from './report.ts';
import { workbookKills } from './workbook-kills.ts';
import { workbooks } from './workbooks.ts';

const proofs: readonly Proof[] = [cancel, kills, cron, flip, recover, many, workbooks, workbookKills];
const usage = `npm run prove -- [NAME …] [--seed N] [--runs N] [--fresh] [--write]

Proofs: ${proofs.map(({ name }) => name).join(', ')} (without a name: all of them).
  --seed N   what is random comes from this number; default 1
  --runs N   how many runs (of cron: a hundred patterns each; of flip: 512 bytes each)
  --fresh    forget what was proved with this seed before, and begin again
  --write    put the results into docs/proofs.md
The fault matrix is a program of its own: npm run prove -- faults --help
What was proved is kept in the cache: after Ctrl-C the same words go on where it was.
`;

const stop = new AbortController();
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Does the runs that the journal does not have yet. */
async function prove(proof: Proof, seed: number, wanted: number | undefined, fresh: boolean): Promise<Tally> {
  const journal = new Journal(proof.name, seed);
  if (fresh) journal.remove();
  let { done, total } = journal.read();
  say(`${proof.name}: ${proof.claim}`);
  if (wanted !== undefined && done >= wanted) return total;
  const open = await proof.open();
  try {
    const runs = wanted ?? open.runs ?? proof.runs;
    if (done > 0) say(`  ${done} of ${runs} runs were done before`);
    for (; done < Math.min(runs, open.runs ?? runs) && !stop.signal.aborted; done += 1) {
      const tally = await open.run(done, generator(seed * 1_000_003 + done));
      journal.append(tally);
      total = add(total, tally);
      for (const note of tally.notes) say(`  FAILED ${note}`);
      if (done % 10 === 9) say(`  ${done + 1} of ${runs} runs, ${total.failed} failed`);
    }
  } finally {
    await open.close();
  }
  return total;
}

async function main(): Promise<number> {
  if (process.argv[2] === 'faults') {
    const { faults } = await import('./faults/main.ts');
    return faults(process.argv.slice(3));
  }
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '1' },
      runs: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const number = (text: string, what: string): number => {
    if (!/^[0-9]{1,9}$/.test(text)) throw new TypeError(`--${what} takes a number, not ${text}`);
    return Number(text);
  };
  const seed = number(values.seed, 'seed');
  const runs = values.runs === undefined ? undefined : number(values.runs, 'runs');
  const unknown = positionals.find((name) => !proofs.some((proof) => proof.name === name));
  if (unknown !== undefined) throw new TypeError(`there is no proof ${unknown}`);
  const chosen = proofs.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

  process.once('SIGINT', () => {
    say('ends after this run; the same words go on from here');
    stop.abort();
  });
  const results = [];
  for (const proof of chosen) {
    if (stop.signal.aborted) break;
    results.push({ proof, seed, tally: await prove(proof, seed, runs, values.fresh) });
  }
  say('');
  say(table(results.map(({ proof, tally }) => row(proof, tally))));
  if (values.write) writeReport(results);
  return stop.signal.aborted ? 130 : results.some(({ tally }) => tally.failed > 0) ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n${usage}`);
  process.exitCode = 2;
}
