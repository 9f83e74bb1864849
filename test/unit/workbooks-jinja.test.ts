import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check } from '../../workbooks/expressions/evaluate.ts';
import { sharedFunctions } from '../../workbooks/expressions/functions/shared.ts';
import { jinja } from '../../workbooks/expressions/jinja/language.ts';
import {
  defaultLimits,
  ExpressionError,
  type HostFunction,
  type Scope,
} from '../../workbooks/expressions/language.ts';
import { type Dictionary, isDictionary, own, type Value } from '../../workbooks/expressions/value.ts';

/** What Mistral gave for a text: see prove/workbooks/record-jinja.py. */
interface Recorded {
  readonly group: string;
  readonly text: string;
  readonly data?: Value;
  readonly invalid?: string;
  readonly value?: Value;
  readonly error?: string;
}

const [first, ...lines] = readFileSync(new URL('../fixtures/jinja-record.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);
const shared: Value = first?.data ?? null;

const source = { now: () => 0, uuid: () => 'c0ffee00-0000-4000-8000-000000000000', random: () => 0.5 };

function scopeOf(data: Value): Scope {
  const env: HostFunction = (args, named) => {
    if (args.length > 0 || Object.keys(named).length > 0) throw new ExpressionError('env takes nothing');
    return isDictionary(data) ? (own(data, '__env') ?? null) : null;
  };
  return {
    data,
    functions: new Map([...sharedFunctions(source), ['env', env]]),
    source,
    limits: defaultLimits,
  };
}

function outcome(text: string, data: Value): { value: Value } | { error: string } {
  try {
    return { value: jinja.isIn(text) ? jinja.evaluate(text, scopeOf(data)) : text };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { error: error.message };
  }
}

/** Messages that a user works by are Mistral's to the letter; the others say the same in other words. */
const toTheLetter = /is undefined\]$|has no attribute|not supported between|concatenate|^Syntax error/;
const elsewise = /constructor|StrictUndefined|TemplateReference|generator|self/;

describe('expressions of Jinja give what Mistral gave', () => {
  const groups = [...new Set(lines.map(({ group }) => group))];

  test.each(groups)('%s', (group) => {
    for (const recorded of lines.filter((line) => line.group === group)) {
      const { text, data = shared, value, error } = recorded;
      const ours = outcome(text, data);
      if ('value' in recorded) expect(ours, text).toEqual({ value });
      else expect(ours, text).toHaveProperty('error');
      if (error !== undefined && toTheLetter.test(error) && !elsewise.test(error)) {
        expect(ours, text).toEqual({ error });
      }
    }
  });

  test('a text is refused exactly where Mistral refused it, in the same words', () => {
    for (const { text, invalid } of lines) {
      expect(check(text)[0]?.message, text).toBe(invalid);
    }
  });

  test('the record is large, and most of it are values', () => {
    expect(lines.length).toBeGreaterThan(1400);
    expect(lines.filter((line) => 'value' in line).length).toBeGreaterThan(900);
  });

  test('evaluation leaves the data as it was, even where an expression changes a list of it', () => {
    const data: Dictionary = { list: [1, { a: [2] }] };
    const text =
      '{% if _.list.append(3) or _.list[1].a.append(4) or _.update({"x": 1}) %}{% endif %}{{ _.list }}{{ _.x }}';
    expect(outcome(text, data)).toEqual({ value: "[1, {'a': [2, 4]}, 3]1" });
    expect(data).toEqual({ list: [1, { a: [2] }] });
  });
});
