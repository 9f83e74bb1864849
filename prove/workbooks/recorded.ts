import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  loadValidationRecords,
  loadValidations,
  validationTopics,
} from '../../test/workbooks/validations.ts';
import { python } from './oracle.ts';
import { validate } from './validation.ts';

const root = join(import.meta.dirname, '..', '..');

/** What tests hold ours against: a list that Python writes, and the file that keeps it. */
const lists = [
  { script: 'record-yaql.py', args: ['yaql-expressions.txt'], kept: 'test/unit/workbooks/yaql-cases.json' },
  { script: 'record-jinja.py', input: 'jinja-cases.json', kept: 'test/fixtures/jinja-record.jsonl' },
  { script: 'record-actions.py', kept: 'test/unit/workbooks/actions.json' },
  { script: 'record-http.py', kept: 'test/conformance/action-http.json' },
] as const;

/**
 * Whether every record of expressions, actions and validation is still what Mistral says. That ours says the same, the
 * tests hold against these records.
 * @returns how many entries were compared, and what differs
 */
export function compareRecords(): { readonly compared: number; readonly notes: readonly string[] } {
  const notes: string[] = [];
  let compared = 0;
  for (const list of lists) {
    const now = entriesOf(record(list));
    const kept = entriesOf(readFileSync(join(root, list.kept), 'utf8'));
    compared += kept.length;
    if (now.length !== kept.length)
      notes.push(`${list.kept}: ${now.length} entries in place of ${kept.length}`);
    kept.forEach((entry, at) => {
      if (!isAlike(entry, now[at])) notes.push(`${list.kept}: entry ${at} is not what Mistral says`);
    });
  }
  for (const topic of validationTopics()) {
    const cases = loadValidations(topic);
    const records = loadValidationRecords(topic);
    const answers = validate(cases);
    compared += cases.length;
    cases.forEach(({ name }, at) => {
      if (records[name]?.accepted !== answers[at]?.accepted) {
        notes.push(`validation of ${topic}: ${name}: its record is not what Mistral says`);
      }
    });
  }
  return { compared, notes };
}

function record(list: (typeof lists)[number]): string {
  const at = (name: string) => join(import.meta.dirname, name);
  const args = 'args' in list ? list.args.map(at) : [];
  const run = spawnSync(python(), [at(list.script), ...args], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    ...('input' in list ? { input: readFileSync(at(list.input), 'utf8') } : {}),
  });
  if (run.status !== 0)
    throw new Error(`${list.script} ended with ${run.status}: ${run.stderr.slice(-2000)}`);
  return run.stdout;
}

/** Equal but for the order of lists: that of Python's sets is another one in each process. */
function isAlike(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(inOrder(a), inOrder(b));
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => JSON.stringify(inOrder(each))).sort();
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, inOrder(item)] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** The entries of a list, one JSON a line or one of them all; of an object, what its keys hold. */
function entriesOf(text: string): unknown[] {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));
  }
  // Groups of expressions with their data: each expression is an entry.
  const isGroup = (item: unknown): item is { cases: object } =>
    typeof item === 'object' && item !== null && 'cases' in item && typeof item.cases === 'object';
  if (Array.isArray(whole)) {
    return whole.flatMap((item: unknown) => (isGroup(item) ? Object.entries(item.cases) : [item]));
  }
  return Object.values(whole as object).flatMap((value: unknown) => (Array.isArray(value) ? value : [value]));
}
