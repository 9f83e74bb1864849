import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Case, loadCases, loadRecords, type Outcome, topics } from '../test/workbooks/cases.ts';
import { differences, knownDifferences } from '../test/workbooks/compare.ts';
import { runInProcess } from '../test/workbooks/in-process.ts';
import { emptyTally, type OpenProof, type Proof, type Tally } from './proof.ts';
import { generateCase } from './workbooks/generate.ts';
import { ask } from './workbooks/oracle.ts';
import { compareRecords } from './workbooks/recorded.ts';

const batch = 100;
/** Nothing that is generated needs as many: Mistral or ours, one of them goes round in circles. */
const mostEvents = 5000;

/** Mistral's own engine and ours do the same with every case of ours, and with workbooks of chance. */
export const workbooks: Proof = {
  name: 'workbooks',
  claim: "runs of workbooks, ours by the hundred and generated ones, come out as in Mistral's own engine",
  unit: 'workbooks',
  runs: 12,
  async open(): Promise<OpenProof> {
    const made = spawnSync('sh', [join(import.meta.dirname, 'workbooks', 'venv.sh')], { stdio: 'inherit' });
    if (made.status !== 0) throw new TypeError('without Mistral nothing can be compared with it');
    return {
      run: async (index, random) =>
        index === 0 ? ofRecords() : index === 1 ? ofCases() : ofGenerated(index, random),
      async close() {},
    };
  },
};

/** Expressions, actions and validation: that the records that tests hold ours against are what Mistral says. */
function ofRecords(): Tally {
  const { compared, notes } = compareRecords();
  return {
    ...emptyTally(),
    tried: compared,
    survived: compared - notes.length,
    failed: notes.length,
    notes: [...notes],
  };
}

/** Every case: that its record is still what Mistral does, and that ours does it. */
async function ofCases(): Promise<Tally> {
  const cases = loadCases();
  const records = new Map(topics().map((topic) => [topic, loadRecords(topic)]));
  const outcomes = await ask(cases);
  const notes: string[] = [];
  for (const [at, one] of cases.entries()) {
    const outcome = outcomes[at] as Outcome;
    const record = records.get(one.topic)?.[one.name];
    if (JSON.stringify(record) !== JSON.stringify(outcome))
      notes.push(`${one.id}: its record is not what Mistral does`);
    const found = knownDifferences[one.id] === undefined ? differences(outcome, await runInProcess(one)) : [];
    if (found.length > 0) notes.push(`${one.id}: ${found.join('; ')}`);
  }
  return {
    ...emptyTally(),
    tried: cases.length,
    survived: cases.length - notes.length,
    failed: notes.length,
    notes,
  };
}

/** Workbooks of chance, in batches: starting Python takes longer than running a workbook. */
async function ofGenerated(index: number, random: () => number): Promise<Tally> {
  const cases = Array.from(
    { length: batch },
    (_, at): Case => generateCase(`generated ${index}.${at}`, random),
  );
  const outcomes = await ask(
    cases.map((one) => ({ ...one, events: mostEvents })),
    { endless: 'kept' },
  );
  const notes: string[] = [];
  let tried = 0;
  for (const [at, one] of cases.entries()) {
    const outcome = outcomes[at] as Outcome | undefined;
    // What never ends in Mistral is not compared.
    if (outcome === undefined) continue;
    tried += 1;
    const found = differences(outcome, await runInProcess(one));
    if (found.length > 0) notes.push(`${one.id}: ${found.join('; ')}\n${one.text}`);
  }
  return { ...emptyTally(), tried, survived: tried - notes.length, failed: notes.length, notes };
}
