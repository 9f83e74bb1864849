import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sharedFunctions } from '../../../workbooks/expressions/functions/shared.ts';
import {
  defaultLimits,
  type EntropySource,
  ExpressionError,
  type HostFunction,
  type Scope,
} from '../../../workbooks/expressions/language.ts';
import { isDictionary, own, type Value } from '../../../workbooks/expressions/value.ts';
import { yaql } from '../../../workbooks/expressions/yaql/language.ts';

interface Outcome {
  readonly value?: Value;
  readonly set?: boolean;
  readonly text?: string | null;
  readonly error?: string;
}

/** What Mistral makes of them: recorded by prove/workbooks/record-yaql.py. */
const groups = JSON.parse(readFileSync(new URL('yaql-cases.json', import.meta.url), 'utf8')) as readonly {
  readonly data: Value;
  readonly cases: Readonly<Record<string, Outcome>>;
}[];

const source: EntropySource = {
  now: () => Date.UTC(2026, 10, 21),
  uuid: () => '00000000-0000-4000-8000-000000000000',
  random: () => 0.5,
};

function scope(data: Value): Scope {
  const functions = new Map<string, HostFunction>(sharedFunctions(source));
  functions.set('env', () => (isDictionary(data) ? (own(data, '__env') ?? null) : null));
  return { data, functions, source, limits: defaultLimits };
}

function evaluated(text: string, data: Value): Outcome {
  try {
    return { value: yaql.evaluate(text, scope(data)) };
  } catch (error) {
    if (error instanceof ExpressionError) return { error: error.message };
    throw error;
  }
}

/** Sets come in any order. */
function sorted(value: Value): Value {
  return Array.isArray(value)
    ? [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    : value;
}

/** Where this is not what Mistral does, on purpose: see the documents on workbooks. */
const known: ReadonlySet<string> = new Set([
  // An argument that was left out, and a complex number, would be shown; neither can be stored.
  '[1,,2]',
  '[,1]',
  'pow(-8, 0.5)',
  // Written as the name and address of an object of Python's.
  "not json_dump(examine(min({a => 1}, ''), 2))",
  // Sets are in the order of their coming.
  "((('a,b'.split(',') != datetime(2020, 1, 2)) and ($.c).toSet())).delete(0)",
]);

function difference(expression: string, data: Value, wanted: Outcome): string | undefined {
  if (known.has(expression)) return undefined;
  const alone = evaluated(`<% ${expression} %>`, data);
  if ('value' in wanted !== 'value' in alone)
    return `${expression}: ${JSON.stringify(alone)} is not ${JSON.stringify(wanted)}`;
  if (wanted.value !== undefined && alone.value !== undefined) {
    const [left, right] = wanted.set
      ? [sorted(alone.value), sorted(wanted.value)]
      : [alone.value, wanted.value];
    if (!isSame(left, right)) return `${expression}: ${JSON.stringify(left)} is not ${JSON.stringify(right)}`;
  }
  if (wanted.text === null) return undefined;
  const within = evaluated(`=<% ${expression} %>`, data);
  if (within.value === wanted.text) return undefined;
  return `=${expression}: ${JSON.stringify(within)} is not ${JSON.stringify(wanted.text)}`;
}

function isSame(left: Value, right: Value): boolean {
  try {
    // Through JSON, since it knows one zero only.
    expect(JSON.parse(JSON.stringify(left))).toEqual(JSON.parse(JSON.stringify(right)));
    return true;
  } catch {
    return false;
  }
}

describe('YAQL', () => {
  test.each(groups.map((group, index) => [index, group] as const))(
    'gives what Mistral gives, and fails where it fails: group %i',
    (_index, { data, cases }) => {
      const differences = Object.entries(cases).flatMap(
        ([expression, wanted]) => difference(expression, data, wanted) ?? [],
      );
      expect(differences).toEqual([]);
    },
  );
});
