import { writeFileSync } from 'node:fs';
import {
  loadValidationRecords,
  loadValidations,
  type ValidationRecord,
  validationRecordsFile,
  validationTopics,
} from '../../test/workbooks/validations.ts';
import { parseAs } from '../../workbooks/language/check.ts';
import { validate } from './validation.ts';

/**
 * Writes what Mistral's validation says to the cases in test/workbooks/validation, and what we say:
 * node prove/workbooks/record-validation.ts [TOPIC …]
 * What changes is to be read before it is kept. A case that we judge otherwise needs a reason, `differs`, written by hand.
 */
const wanted = process.argv.slice(2);
for (const topic of validationTopics().filter((one) => wanted.length === 0 || wanted.includes(one))) {
  const cases = loadValidations(topic);
  const before = readBefore(topic);
  const answers = validate(cases);
  const records = cases.map(({ name, text, kind }, index): readonly [string, ValidationRecord] => {
    const { faults } = parseAs(text, kind);
    const says = faults.map(({ line, column, key, message }) => `${line}:${column}: ${key}: ${message}`);
    const { accepted = false, why } = answers[index] ?? {};
    const differs = before[name]?.differs ?? '';
    const differ = accepted === says.length > 0;
    if (differ && differs === '')
      process.stdout.write(`${topic}: ${name}: Mistral ${accepted ? 'accepts' : 'refuses'} it\n`);
    return [name, { accepted, ...(why !== undefined && { why }), says, ...(differ && { differs }) }];
  });
  writeFileSync(validationRecordsFile(topic), `${JSON.stringify(Object.fromEntries(records), null, 1)}\n`);
  process.stdout.write(
    `${topic}: ${cases.length} cases, ${records.filter(([, { accepted }]) => !accepted).length} refused\n`,
  );
}

function readBefore(topic: string): Record<string, ValidationRecord> {
  try {
    return loadValidationRecords(topic);
  } catch {
    return {};
  }
}
