import { describe, expect, test } from 'vitest';
import { sharedFunctions } from '../../../workbooks/expressions/functions/shared.ts';
import {
  defaultLimits,
  type EntropySource,
  ExpressionError,
  type Scope,
} from '../../../workbooks/expressions/language.ts';
import type { Value } from '../../../workbooks/expressions/value.ts';
import { yaql } from '../../../workbooks/expressions/yaql/language.ts';

const source: EntropySource = { now: () => 1.6e12, uuid: () => 'an id', random: () => 0.5 };

function nested(levels: number): { deep: Value; deeper: Value } {
  let deep: Value = 1;
  let deeper: Value = {};
  for (let level = 0; level < levels; level++) {
    deep = [deep];
    deeper = { a: deeper };
  }
  return { deep, deeper };
}

const data: Value = {
  ...nested(5000),
  text: 'a'.repeat(100_000),
  list: Array.from({ length: 1000 }, (_, i) => i),
};

const scope: Scope = { data, functions: sharedFunctions(source), source, limits: defaultLimits };

function evaluate(expression: string): Value {
  return yaql.evaluate(`<% ${expression} %>`, scope);
}

/** Whatever is thrown but an ExpressionError is a fault of the engine. */
function faultOf(expression: string): string {
  try {
    evaluate(expression);
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
  return '';
}

describe('no expression reaches what is not data', () => {
  test.each([
    '{}.constructor',
    '$.constructor',
    "$['constructor']",
    "$.list['constructor']",
    '$.list.constructor',
    '$.text.constructor',
    "''.constructor",
    '(1).constructor',
    '[1].length',
    "''.length",
    '$.toString',
    '$.hasOwnProperty',
    '$.__proto__',
    "$['__proto__']",
    "{}['__proto__']",
    '$.list.select($.constructor)',
    'constructor()',
    "'a'.constructor()",
    "'a'.charAt(0)",
    '[].push(1)',
    '[1].filter',
    "call('constructor', [], {})",
    "call('__proto__', [], {})",
    "call('hasOwnProperty', ['a'], {}, {a => 1})",
    "call('#property#constructor', [1], {})",
    '[1].toDict($).constructor',
    "regex('a').constructor",
    "regex('a').expression",
    'now().wall',
    'let(a => 1).budget',
    'let(a => 1)',
    "def('constructor', 1)",
    'process',
    'globalThis',
  ])('%s', (expression) => {
    let value: Value = null;
    try {
      value = evaluate(expression);
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionError);
      return;
    }
    // A word alone is its own text.
    expect(['process', 'globalThis']).toContain(value);
  });

  test('names of a prototype are null as names, and data as keys', () => {
    expect(evaluate('$constructor')).toBeNull();
    expect(evaluate('$__proto__')).toBeNull();
    expect(evaluate("{}.get('constructor')")).toBeNull();
    expect(evaluate("{}.get('__proto__')")).toBeNull();
    const made = evaluate("{'__proto__' => {polluted => true}}");
    expect(Object.keys(made as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(evaluate("dict([['__proto__', 1]]).get('__proto__')")).toBe(1);
  });
});

describe('nothing hangs, overflows the stack, or fills the memory', () => {
  const many = 100_000;
  test.each([
    `${'('.repeat(many)}1${')'.repeat(many)}`,
    '['.repeat(many),
    '{a => '.repeat(40_000),
    'f('.repeat(many),
    `1${'+1'.repeat(many)}`,
    `${'-'.repeat(many)}1`,
    `${'not '.repeat(50_000)}1`,
    `$${'.a'.repeat(many)}`,
    `$${'[0]'.repeat(80_000)}`,
    `a${'->a'.repeat(80_000)}`,
    `'${'x'.repeat(300_000)}'`,
  ])('it is refused before it is evaluated: %#', (expression) => {
    expect(yaql.check(`<% ${expression} %>`)).toHaveLength(1);
    expect(faultOf(expression)).toMatch(/nests deeper|too long/);
  });

  test('what is nested as deeply as it may be is evaluated', () => {
    expect(evaluate(`${'('.repeat(195)}1${')'.repeat(195)}`)).toBe(1);
    expect(evaluate(`1${'+1'.repeat(195)}`)).toBe(196);
    expect(evaluate(`${'['.repeat(195)}1${']'.repeat(195)}`)).toBeInstanceOf(Array);
    expect(evaluate(`${'list('.repeat(190)}1${')'.repeat(190)}`)).toBeInstanceOf(Array);
  });

  test.each([
    "'a' * 1000000000",
    '[1] * 1000000000',
    'range(1000000000000).toList()',
    'sequence().toList()',
    'sequence()',
    '1.repeat()',
    '[1].cycle().len()',
    'def(f, f($ + 1)) -> f(1)',
    'def(f, [f($), f($)]) -> f(1)',
    'range(60).aggregate($1 + $1, "aaaaaaaaaaaaaaaa")',
    'range(60).aggregate($1 + $1, [1]).len()',
    'range(1000).aggregate($1.append($2), [])',
    'range(1000).aggregate($1.select($), [1]).toList()',
    'range(1000).aggregate([$1], 1)',
    'str(range(1000).aggregate([$1], 1))',
    'range(1000).aggregate([$1], 1) = range(1000).aggregate([$1], 1)',
    'range(1000).aggregate([$1], 1).flatten()',
    'set(range(1000).aggregate([$1], 1))',
    '$.deep',
    '$.deeper',
    '$.deep.flatten()',
    'str($.deep)',
    'json_dump($.deep)',
    'yaml_dump($.deeper)',
    'set($.deep)',
    '$.deeper.mergeWith($.deeper)',
    "$.text.replace('a', $.text)",
    "$.text.replace('', $.text)",
    '$.text.toCharArray().join($.text)',
    "regex('a').replace($.text, $.text)",
    "$.text =~ '(?:a?){1000}b'",
    "$.text =~ '(a{1000}){1000}'",
    "regex('a').searchAll($.text).len()",
    'pow(2, 1000000000)',
    'shiftBitsLeft(1, 100000000)',
    'range(1000).aggregate($1 * $1, 3)',
    'generate(1, true, $ * 10).toList()',
    'generateMany(1, [$, $]).toList()',
    '$.list.join($.list, true, $1 * $2).len()',
    '$.list.select(range(100000).sum())',
    "datetime(2020, 1, 1).format('%c' * 1000000)",
    "int('1' * 100000)",
  ])('%s', (expression) => {
    expect(faultOf(expression)).not.toBe('');
  });

  test('regular expressions that would be catastrophic elsewhere are not here', () => {
    expect(evaluate("('a' * 5000) =~ '^(a+)+$'")).toBe(true);
    expect(evaluate("('a' * 5000) =~ '^(a|aa)+b$'")).toBe(false);
  });

  test.each([
    ['(?=a)b', 'look-ahead'],
    ['(?!a)b', 'look-ahead'],
    ['(?<=a)b', 'look-behind'],
    ['(?<!a)b', 'look-behind'],
    [`(a)\\1`, 'back-references'],
    ['(?P<x>a)(?P=x)', 'back-references'],
    ['(a)(?(1)b|c)', 'conditional groups'],
    ['(?>a)', 'atomic groups'],
    ['a*+', 'possessive repetitions'],
  ])('what the engine of regular expressions lacks is refused and named: %s', (pattern, named) => {
    const literal = `\`${pattern}\``;
    for (const expression of [
      `'a' =~ ${literal}`,
      `regex(${literal})`,
      `not ('a' !~ ${literal})`,
      `'a'.matches(${literal})`,
    ]) {
      expect(
        yaql
          .check(`<% ${expression} %>`)
          .map((fault) => fault.message)
          .join(),
      ).toContain(named);
      expect(faultOf(expression)).toContain(named);
    }
    // Where it is computed, it is found when it is evaluated.
    expect(yaql.check(`<% regex(${literal} + '') %>`)).toEqual([]);
    expect(faultOf(`regex(${literal} + '')`)).toContain(named);
  });

  test.each([
    '<%'.repeat(500_000),
    '%>'.repeat(500_000),
    '<%1\n'.repeat(300_000),
    `${'<%1\n'.repeat(300_000)}%>`,
    '<% 1 %>'.repeat(20_000),
    `${'<% $.text %>'.repeat(10_000)}x`,
  ])('texts full of marks take a time that grows with their length: %#', (text) => {
    yaql.isIn(text);
    yaql.check(text);
    try {
      yaql.evaluate(text, scope);
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionError);
    }
  });
});

describe('limits', () => {
  const limited = (expression: string, limits: Partial<Scope['limits']>): Value =>
    yaql.evaluate(`<% ${expression} %>`, { ...scope, limits: { ...defaultLimits, ...limits } });

  test('each of them holds', () => {
    expect(limited('range(10).toList().len()', { iterations: 10 })).toBe(10);
    expect(() => limited('range(11).toList()', { iterations: 10 })).toThrow('more than 10 elements');
    expect(() => limited('$.list.select($)', { iterations: 10 })).toThrow('more than 10 elements');
    expect(() => limited("'a' * 1000", { memory: 100 })).toThrow('memory');
    expect(() => limited('range(100).sum()', { steps: 50 })).toThrow('steps');
    expect(() => limited('1 + (2 + (3 + 4))', { depth: 2 })).toThrow('deeper than 2');
  });

  test('the same expression stops at the same place each time', () => {
    const faults = [1, 2, 3].map(() => faultOf('$.list.select(range(100000).sum())'));
    expect(new Set(faults).size).toBe(1);
  });

  test('faults tell nothing of the data', () => {
    const secret: Scope = { ...scope, data: { password: 'hunter2' } };
    for (const expression of [
      '$.password + 1',
      'int($.password)',
      '$.password.foo()',
      '$.password[0]',
      "{}[$.password + 'x'].y()",
    ]) {
      try {
        yaql.evaluate(`<% ${expression} %>`, secret);
        expect.unreachable();
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError);
        if (!expression.startsWith('{}[')) expect(String(error)).not.toContain('hunter2');
      }
    }
  });
});

describe('the parser', () => {
  /** A generator of its own, so that each run tries the same texts. */
  function* randoms(seed: number): Generator<number> {
    for (let state = seed; ; ) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      yield state / 2 ** 32;
    }
  }

  const parts = [
    '$',
    '$.a',
    '.',
    '?.',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '=>',
    '->',
    '=',
    '!=',
    '<',
    '>',
    '<=',
    '>=',
    '=~',
    '!~',
    '+',
    '-',
    '*',
    '/',
    ' mod ',
    ' and ',
    ' or ',
    ' not ',
    ' in ',
    'true',
    'null',
    'f(',
    'len(',
    'let(',
    'switch(',
    '1',
    '1.5',
    "'a'",
    '"b"',
    '`c`',
    'x',
    ' ',
    '\n',
    '\\',
    "'",
    '"',
    '`',
    '#',
    'é',
    '😀',
    '\0',
    '٣',
    '__a',
    '$1',
    '.where(',
    '.select(',
    'regex(',
    'datetime(',
    '%',
    '\u2028',
    '\\u12',
    '\\xzz',
    '\ud800',
  ];

  test('whatever the text, there is a value or an ExpressionError, and faults lie within it', () => {
    const random = randoms(7);
    const next = (): number => random.next().value ?? 0;
    const small: Scope = { ...scope, limits: { ...defaultLimits, steps: 20_000 } };
    for (let round = 0; round < 3000; round++) {
      const length = 1 + Math.floor(next() * 14);
      let expression = '';
      for (let part = 0; part < length; part++) expression += parts[Math.floor(next() * parts.length)];
      const text = `<% ${expression} %>`;
      for (const fault of yaql.check(text)) {
        expect(fault.offset).toBeGreaterThanOrEqual(0);
        expect(fault.offset).toBeLessThanOrEqual(text.length);
      }
      try {
        yaql.evaluate(text, small);
        yaql.evaluate(`x${text}`, small);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw new Error(`${JSON.stringify(text)}: ${String(error)}`);
      }
    }
  });

  test('random units are no worse', () => {
    const random = randoms(11);
    const next = (): number => random.next().value ?? 0;
    for (let round = 0; round < 4000; round++) {
      const units = Array.from({ length: 1 + Math.floor(next() * 30) }, () =>
        next() < 0.8 ? 32 + Math.floor(next() * 95) : Math.floor(next() * 0x10000),
      );
      const text = `<%${String.fromCharCode(...units)}%>`;
      expect(() => yaql.check(text)).not.toThrow();
    }
  });

  test('a fault says where it is', () => {
    expect(yaql.check('ab <% 1 + %> <% ok %> <% f( %>')).toEqual([
      { offset: 10, message: 'unexpected end of the expression' },
      { offset: 28, message: 'unexpected end of the expression' },
    ]);
    expect(yaql.check('<% a b %>')).toEqual([{ offset: 5, message: 'unexpected "b"' }]);
  });
});

describe('expressions within a text', () => {
  const text = (whole: string): Value => yaql.evaluate(whole, { ...scope, data: { a: 1, s: 'x', n: null } });

  test('the type stays where the whole text is one expression, and only there', () => {
    expect(text('<% $.a %>')).toBe(1);
    expect(text(' <% $.a %>')).toBe(' 1');
    expect(text('<% $.a %><% $.a %>')).toBe('11');
    expect(text('<% $.n %>, <% true %>')).toBe('None, True');
    expect(text('no expression')).toBe('no expression');
    expect(text('<% $.s\n %>')).toBe('<% $.s\n %>');
  });
});

describe('what one value holds many times over is counted each time', () => {
  const doubled = 'range(60).aggregate([$1, $1], 1)';

  test.each([
    `str(${doubled})`,
    `${doubled} = ${doubled}`,
    `${doubled} in [${doubled}]`,
    `set(${doubled}).len()`,
    `dict(${doubled} => 1)`,
    `[${doubled}].distinct().len()`,
  ])('%s', (expression) => {
    expect(faultOf(expression)).toMatch(/too many steps|too much memory/);
  });

  test.each([
    ["regex('(a{1000}b{1000}){20}')", 'repeat|too large'],
    ["regex('a' * 100000)", 'too large'],
    ["range(100000).select(regex('(a|b|' + str($) + '){500}')).len()", 'too many steps'],
    ["let(l => '[' + '1,' * 50000 + '1]') -> range(1000).select(json_parse($l)).len()", 'too many steps'],
    ["let(l => '{' + 'a: 1, ' * 1000 + '}') -> range(10000).select(yaml_parse($l)).len()", 'too many steps'],
    ["let(l => 'a' * 1000000) -> range(10000).select($l = 'a' * 1000000).len()", 'too many steps'],
    ["yaml_parse('&a ' * 100000)", 'not YAML'],
  ])('%s', (expression, fault) => {
    expect(faultOf(expression)).toMatch(new RegExp(fault));
  });

  test('a regular expression that was compiled before costs the same', () => {
    const tight = { ...scope, limits: { ...defaultLimits, steps: 3000 } };
    const run = (limits: Scope) => () => yaql.evaluate("<% regex('(x|y|z){300}').search(x) %>", limits);
    expect(run(tight)).toThrow('too many steps');
    expect(run(scope)()).toBeNull();
    expect(run(tight)).toThrow('too many steps');
  });
});
