import { describe, expect, test } from 'vitest';
import { parseDefinitions, parseWorkbook } from '../../../workbooks/language/check.ts';
import { readCommand } from '../../../workbooks/language/command.ts';
import { generator } from '../../fixtures/random.ts';

const head = 'version: "2.0"\nname: wb\n';

function workbookOf(tasks: string): string {
  return `${head}workflows:\n  main:\n    tasks:\n${tasks}`;
}

function lines(text: string): string[] {
  return parseWorkbook(text).faults.map(
    ({ line, column, key, message }) => `${line}:${column}: ${key}: ${message}`,
  );
}

describe('a text that is too much', () => {
  test('of five megabytes is refused in one line', () => {
    const text = `${head}description: "${'x'.repeat(5_000_000)}"\n`;
    expect(lines(text)).toEqual(['1:1: : 5000040 characters: a file may have 1048576 of them at most']);
  });

  test('of 100,000 brackets is refused in one line', () => {
    expect(lines('['.repeat(100_000))).toEqual(['1:201: : nested deeper than 200 levels']);
  });

  test('of 100,000 maps in one line is refused in one line', () => {
    expect(lines('{a: '.repeat(100_000))).toEqual(['1:801: : nested deeper than 200 levels']);
  });

  test('of lists in lists in one line is refused in one line', () => {
    expect(lines('- '.repeat(100_000))).toEqual(['1:401: : nested deeper than 200 levels']);
  });

  test('of a map that is indented further in each line is refused in one line', () => {
    const text = Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
    expect(lines(text)).toEqual(['201:202: : nested deeper than 200 levels']);
  });

  test('of anchors that would explode is plain text', () => {
    const vars = [
      'a: &a ["lol", "lol"]',
      ...'bcdefghi'.split('').map((name) => `${name}: &${name} [*a, *a, *a]`),
    ];
    const text = `${head}workflows:\n  main:\n    vars:\n${vars.map((line) => `      ${line}\n`).join('')}    tasks: {a: {action: std.noop}}\n`;
    expect(lines(text)).toEqual([]);
    const main = parseWorkbook(text).definition?.workflows.get('main');
    expect(main?.vars.b).toBe('&b [*a, *a, *a]');
  });

  test('of 10,000 tasks is read', () => {
    const tasks = Array.from(
      { length: 10_000 },
      (_, i) => `      t${i}: {action: std.noop, on-success: t${i + 1}}\n`,
    );
    const text = workbookOf(`${tasks.join('')}      t10000: {join: all}\n`);
    const { definition, faults } = parseWorkbook(text);
    expect(faults).toEqual([]);
    expect(definition?.workflows.get('main')?.tasks.size).toBe(10_001);
  });

  test('of 10,000 unknown targets has as many faults as anyone reads', () => {
    const tasks = Array.from(
      { length: 10_000 },
      (_, i) => `      t${i}: {action: std.noop, on-success: x${i}}\n`,
    );
    const { faults } = parseWorkbook(workbookOf(tasks.join('')));
    expect(faults.length).toBe(1001);
    expect(faults.at(-1)?.message).toBe('and 9000 more faults');
  });

  test('of parameters that are never closed is read', () => {
    const text = workbookOf(`      a: {action: "std.echo ${'a=<% a=[ '.repeat(50_000)}"}\n`);
    expect(parseWorkbook(text).definition?.workflows.get('main')?.tasks.get('a')?.input).toEqual({});
    expect(readCommand(`x ${'-'.repeat(500_000)}`)?.parameters).toEqual({});
  });
});

describe('a text that is odd', () => {
  test('has columns in characters, not in units', () => {
    expect(lines('version: "2.0"\nname: "💾💾" : x\n')).toEqual([
      '2:12: : a second `: ` in one value: put the value in quotes, or break the line',
    ]);
  });

  test('may name a key __proto__ or constructor without reaching anything', () => {
    const { definition, raw } = parseWorkbook(
      workbookOf('      __proto__: {action: std.noop, publish: {__proto__: {x: 1}, constructor: 2}}\n'),
    );
    const task = definition?.workflows.get('main')?.tasks.get('__proto__');
    expect(Object.keys(task?.publish ?? {})).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(task?.publish)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(JSON.stringify(raw)).toContain('"__proto__":{"x":1}');
  });

  test('with lone surrogates is refused in one line', () => {
    expect(lines('version: "2.0"\nname: "\ud800"\n')).toHaveLength(1);
  });
});

describe('a file', () => {
  test.each([
    ['workbook', `${head}workflows: {main: {tasks: {a: {action: std.noop}}}}`],
    ['workflows', 'version: "2.0"\nmain: {tasks: {a: {action: std.noop}}}'],
    ['actions', 'version: "2.0"\nsay: {base: std.echo}'],
    ['workbook', head],
    ['workbook', ''],
  ])('is recognized as %s', (kind, text) => {
    expect(parseDefinitions(text).kind).toBe(kind);
  });

  test('with something that leads nowhere is accepted with a warning', () => {
    const { faults, warnings } = parseWorkbook(
      workbookOf('      a: {action: std.noop, on-success: {b: <% $.x %>}}\n      b: {action: std.noop}\n'),
    );
    expect(faults).toEqual([]);
    expect(warnings).toEqual([
      {
        line: 6,
        column: 41,
        key: 'workflows.main.tasks.a.on-success.b',
        message: 'this leads nowhere: write it as an item of a list, with `- ` before it',
      },
    ]);
  });
});

const seeds = [
  workbookOf(
    '      a:\n        action: std.echo output="x" delay=1\n        with-items: i in <% $.l %>\n        retry: {count: 1, delay: 2}\n        on-success:\n          - b\n          - c: <% $.x > 1 %>\n      b: {join: all, publish: {x: "{{ _.y }}"}}\n      c:\n        workflow: other x=<% $.y %>\n        on-complete: {publish: {global: {z: 1}}, next: [b, fail msg="no"]}\n',
  ),
  `${head}actions:\n  say: {base: std.echo output=<% $.x %>, input: [x, {y: null}], output: <% $ %>}\nworkflows:\n  main:\n    type: reverse\n    input: [a, {b: |-\n      text\n}]\n    tasks: {a: {requires: [b]}, b: {timeout: 5}}\n`,
];
const pieces = [
  '\n',
  ' ',
  '\t',
  ':',
  ': ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '|',
  '>',
  '&a',
  '*a',
  '!!str ',
  '<<: ',
  '<%',
  '%>',
  '{{',
  '}}',
  '=',
  'é',
  '💾',
  '\ud83d',
  '\u2028',
  '\0',
  '---\n',
  '#',
  '? ',
  '%',
  '~',
  '1',
  'on',
  '',
];

test('whatever is changed in a workbook, it is read or refused, and a definition has no faults', () => {
  const next = generator(7);
  const random = (below: number) => Math.floor(next() * below);
  for (let round = 0; round < 1500; round += 1) {
    let text = seeds[random(seeds.length)] ?? '';
    for (let change = random(5); change >= 0; change -= 1) {
      const at = random(text.length + 1);
      text = text.slice(0, at) + (pieces[random(pieces.length)] ?? '') + text.slice(at + random(4));
    }
    const { definition, faults } =
      parseDefinitions(text).kind === 'workbook'
        ? parseWorkbook(text)
        : { definition: undefined, faults: [{ line: 1, column: 1, message: 'x' }] };
    expect(definition === undefined, text).toBe(faults.length > 0);
    for (const { line, column, message } of faults) {
      expect(line).toBeGreaterThan(0);
      expect(column).toBeGreaterThan(0);
      expect(message).toMatch(/^[^\n]+$/);
    }
  }
});
