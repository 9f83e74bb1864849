import { describe, expect, test } from 'vitest';
import { jinja } from '../../workbooks/expressions/jinja/language.ts';
import { defaultLimits, ExpressionError, type Scope } from '../../workbooks/expressions/language.ts';
import { generator } from '../fixtures/random.ts';

const scope: Scope = {
  data: { n: 1, l: [1, 2], s: 'text', d: { a: 1 } },
  functions: new Map(),
  source: { now: () => 0, uuid: () => '', random: () => 0 },
  limits: { ...defaultLimits, steps: 200_000, memory: 4 * 1024 * 1024 },
};

const many = 20_000;
const grow = (what: string) => `{% set n = namespace(x=${what}) %}{% for i in range(60) %}`;

describe('an expression that takes too much is an error', () => {
  test.each([
    ['a text repeated', "{{ 'a' * 1000000000 }}"],
    ['a list repeated', '{{ [0] * 2000000000 }}'],
    ['a range', '{{ range(100001) }}'],
    [
      'loops within loops',
      '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}{{ 1 }}',
    ],
    ['a macro that calls itself', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}'],
    ['a loop that calls itself', '{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}{{ 1 }}'],
    ['a block that shows itself', '{% block a %}{{ self.a() }}{% endblock %}{{ 1 }}'],
    ['a power', '{{ 10 ** (10 ** 10) }}'],
    ['a text doubled', `${grow("'ab'")}{% set n.x = n.x ~ n.x %}{% endfor %}{{ 1 }}`],
    ['a list doubled', `${grow('[1]')}{% set n.x = n.x + n.x %}{% endfor %}{{ 1 }}`],
    [
      'a list that holds one list twice, shown',
      `${grow('[1]')}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}`,
    ],
    [
      'a key that holds one twice',
      `${grow('(1,)')}{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1}|length }}`,
    ],
    ['a width', "{{ '%999999999d' % 1 }}"],
    ['a width in braces', "{{ '{:999999999}'.format(1) }}"],
    ['a precision', "{{ '%.999999999f' % 1.5 }}"],
    ['a filled line', "{{ 'a'|center(999999999) }}"],
    ['tabs', "{{ '\\t'.expandtabs(999999999) }}"],
    ['a filled batch', '{{ [1]|batch(999999999, 0)|list }}'],
    ['replacements', "{{ ('a' * 100000)|replace('a', 'b' * 100000) }}"],
    ['a search', "{{ ('a' * 500000 ~ 'b') in ('a' * 1500000) }}"],
    ['a long word wrapped', "{{ ('a' * 1000000)|wordwrap(1) }}"],
    ['a list in itself', '{% set x = [] %}{% if x.append(x) %}{% endif %}{{ x }}'],
    ['a list in itself as JSON', '{% set x = [] %}{% if x.append(x) %}{% endif %}{{ x|tojson }}'],
    [
      'streams of streams',
      '{% set n = namespace(x=["a"]) %}{% for i in range(999) %}{% set n.x = n.x|map("e") %}{% endfor %}{{ n.x|list }}',
    ],
    ['parentheses', `{{ ${'('.repeat(many)}1${')'.repeat(many)} }}`],
    ['lists in the source', `{{ ${'['.repeat(many)}${']'.repeat(many)} }}`],
    ['negations', `{{ ${'not '.repeat(many)}1 }}`],
    ['signs', `{{ 1 ${'- '.repeat(many)}1 }}`],
    ['a chain of sums', `{{ 1${' + 1'.repeat(many)} }}`],
    ['a chain of attributes', `{{ _${'.a'.repeat(many)} }}`],
    ['a chain of filters', `{{ 1${'|e'.repeat(many)} }}`],
    ['a chain of conditions', `{{ ${'1 if 0 else '.repeat(many)}1 }}`],
    ['blocks within blocks', `${'{% if 1 %}'.repeat(many)}{{ 1 }}${'{% endif %}'.repeat(many)}`],
    ['opening marks', '{{ '.repeat(many)],
  ])('%s', (_, text) => {
    expect(() => jinja.evaluate(text, scope)).toThrow(ExpressionError);
    for (const fault of jinja.check(text)) expect(fault.message).toMatch(/^Syntax error/);
  });

  test('and so is whatever stands in parentheses without end, before it is evaluated', () => {
    expect(jinja.check(`{{ ${'('.repeat(many)}`)[0]?.message).toContain('nested too deeply');
  });
});

describe('no expression reaches the host', () => {
  const names = [
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'hasOwnProperty',
    '__defineGetter__',
    'call',
  ];
  const values = [
    '_',
    '_.n',
    '_.s',
    '_.l',
    '_.d',
    'range',
    'cycler',
    '_.s.upper',
    '_.d.items()',
    'none',
    '[]',
    '1.0',
    "'a'|e",
  ];

  test.each(values)('by what %s has', (value) => {
    for (const name of names) {
      for (const text of [`{{ (${value}).${name} is defined }}`, `{{ (${value})['${name}'] is defined }}`]) {
        let found: unknown = false;
        try {
          found = jinja.evaluate(text, scope);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
        expect(found, text).toBe(false);
      }
    }
  });

  test('keys of such names are data, and nothing else', () => {
    const data = JSON.parse('{"__proto__": {"x": 1}, "constructor": 5, "__env": {"k": "v"}}');
    const own = { ...scope, data };
    expect(jinja.evaluate("{{ _['__proto__'].x }}", own)).toBe(1);
    expect(jinja.evaluate('{{ _.constructor }}', own)).toBe(5);
    expect(jinja.evaluate('{{ _.__env.k }}', own)).toBe('v');
    expect(() => jinja.evaluate("{{ _.constructor.constructor('return process')() }}", own)).toThrow(
      'has no attribute',
    );
    const result = jinja.evaluate("{{ {'__proto__': {'polluted': 1} } }}", own);
    expect(Object.keys(result as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

test('whatever the text, it is a value or an error of the expression', () => {
  const random = generator(20_261_121);
  const pieces =
    '{{ }} {% %} {# #} - + * ** / // ~ | . , ( ) [ ] { } : = == < in not is and or if else for set macro endfor endif raw ' +
    'endraw x _ _.l _.d 1 2.5 \'a\' "b" \\ \' " \n defined e join map loop range namespace filter endfilter call';
  const words = [...pieces.split(' '), ' ', '\r\n', '😀'];
  for (let round = 0; round < 3000; round++) {
    let text = '';
    const length = 1 + Math.floor(random() * 20);
    for (let index = 0; index < length; index++) {
      text += `${words[Math.floor(random() * words.length)]}${random() < 0.5 ? ' ' : ''}`;
    }
    if (random() < 0.5) text = `{{ ${text} }}`;
    const faults = jinja.check(text);
    for (const { offset } of faults) {
      expect(offset, text).toBeGreaterThanOrEqual(0);
      expect(offset, text).toBeLessThanOrEqual(text.length);
    }
    try {
      jinja.evaluate(text, scope);
      expect(faults, text).toEqual([]);
    } catch (error) {
      expect(error, text).toBeInstanceOf(ExpressionError);
    }
  }
});
