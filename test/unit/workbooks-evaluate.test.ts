import { describe, expect, test } from 'vitest';
import {
  check,
  evaluate,
  evaluateDeep,
  findExpressions,
  mentions,
} from '../../workbooks/expressions/evaluate.ts';
import { defaultLimits, ExpressionError, type Scope } from '../../workbooks/expressions/language.ts';
import type { Value } from '../../workbooks/expressions/value.ts';

function scopeOf(data: Value): Scope {
  const source = { now: () => 0, uuid: () => '', random: () => 0 };
  return { data, functions: new Map(), source, limits: defaultLimits };
}

describe('a text', () => {
  test('gives its value by either language, and itself if it has no expression', () => {
    const scope = scopeOf({ n: 1, l: [1] });
    expect(evaluate('<% $.n + 1 %>', scope)).toBe(2);
    expect(evaluate('{{ _.n + 1 }}', scope)).toBe(2);
    expect(evaluate('{{ _.l }}', scope)).toEqual([1]);
    expect(evaluate('n is {{ _.n }}', scope)).toBe('n is 1');
    expect(evaluate('n is <% $.n %>', scope)).toBe('n is 1');
    expect(evaluate('plain', scope)).toBe('plain');
  });

  test('that mixes both is refused where the second begins', () => {
    expect(check('{{ _.a }} <% $.b %>')).toEqual([
      { offset: 10, message: expect.stringContaining("already contains an expression of type 'jinja'") },
    ]);
  });

  test('that mixes both is Jinja where it is evaluated all the same', () => {
    expect(evaluate('{{ _.n }} <% $.n %>', scopeOf({ n: 1 }))).toBe('1 <% $.n %>');
  });

  test('has its faults where they stand', () => {
    expect(check('ok {{ 1 + }}')).toEqual([{ offset: 10, message: expect.stringContaining('Syntax error') }]);
    expect(check('ok\r\n{{ 1 + }}')[0]?.offset).toBe(11);
    expect(check('ok <% 1 + %>')).toHaveLength(1);
    expect(check('no expression: { { % }')).toEqual([]);
  });
});

describe('a value', () => {
  test('is evaluated in its lists and dictionaries, but not in their keys', () => {
    const value = {
      '{{ _.n }}': ['{{ _.n }}', { deep: '<% $.n %>' }],
      plain: 5,
      none: null,
      ['__proto__']: '{{ _.n }}',
    };
    const evaluated = evaluateDeep(value, scopeOf({ n: 1 }));
    expect(evaluated).toEqual({ '{{ _.n }}': [1, { deep: 1 }], plain: 5, none: null, ['__proto__']: 1 });
    expect(Object.getPrototypeOf(evaluated)).toBe(Object.prototype);
  });

  test.each([[{}], [null], [[]], ['']])('stays as it is where the data is %j', (data) => {
    expect(evaluateDeep(['{{ 1 }}', '<% 1 %>'], scopeOf(data))).toEqual(['{{ 1 }}', '<% 1 %>']);
  });

  test('that is nested beyond measure is an error', () => {
    let value: Value = '{{ 1 }}';
    for (let i = 0; i < 100_000; i++) value = [value];
    expect(() => evaluateDeep(value, scopeOf({ a: 1 }))).toThrow(ExpressionError);
  });
});

describe('the expressions of a text', () => {
  test('are found in its order, with where they stand', () => {
    expect(findExpressions('<% $.a %> {{ _.b }}{% if x %}{% endif %}')).toEqual([
      { language: 'yaql', offset: 0, text: '<% $.a %>' },
      { language: 'jinja', offset: 10, text: '{{ _.b }}' },
      { language: 'jinja', offset: 19, text: '{% if x %}' },
      { language: 'jinja', offset: 29, text: '{% endif %}' },
    ]);
  });

  test.each([
    ['<% executions() %>', true],
    ['<% $.executions %>', false],
    ["<% 'executions()' %>", false],
    ['<% len(executions(null)) > 1 %>', true],
    ['executions()', false],
    ['{{ executions() }}', true],
    ['{{ executions(state="ERROR")|length }}', true],
    ["{{ 'executions()' }}", false],
    ['{{ _.executions }}', false],
    ['{% set f = executions %}{{ f() }}', true],
    ['{% if executions() %}a{% endif %}{{ 1 }}', true],
    ['{{ _|executions }}', true],
    ["{{ [1]|map('executions')|list }}", true],
    ['{{ executions( }}', false],
  ])('%s calls executions: %j', (text, expected) => {
    expect(mentions(text, 'executions')).toBe(expected);
  });
});
