import { writeFileSync } from 'node:fs';
import { loadCases, recordsFile, topics } from '../../test/workbooks/cases.ts';
import { ask } from './oracle.ts';

/**
 * Writes what Mistral does with the cases beside them: node prove/workbooks/record.ts [TOPIC …]
 * To be run after cases were written or changed; the tests then need no Python.
 */
const wanted = process.argv.slice(2);
const chosen = topics().filter((topic) => wanted.length === 0 || wanted.includes(topic));
const cases = chosen.flatMap((topic) => loadCases(topic));
const outcomes = await ask(cases);
for (const topic of chosen) {
  const records = cases.flatMap((one, i) => (one.topic === topic ? [[one.name, outcomes[i]] as const] : []));
  writeFileSync(recordsFile(topic), `${JSON.stringify(Object.fromEntries(records), null, 1)}\n`);
}
process.stdout.write(`${cases.length} cases of ${chosen.length} topics recorded\n`);
