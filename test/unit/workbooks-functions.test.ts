import { expect, test } from 'vitest';
import { sharedFunctions } from '../../workbooks/expressions/functions/shared.ts';
import type { EntropySource } from '../../workbooks/expressions/language.ts';
import { Float } from '../../workbooks/expressions/python/float.ts';
import { own, put, type Value } from '../../workbooks/expressions/value.ts';

const source: EntropySource = { now: () => 0, uuid: () => 'an id', random: () => 0 };
const functions = sharedFunctions(source);

function call(name: string, ...args: readonly unknown[]): Value {
  const called = functions.get(name);
  if (!called) throw new Error(`there is no ${name}`);
  return called(args as readonly Value[], {});
}

test('JSON is written with four spaces, in ASCII, and floats keep their point', () => {
  expect(call('json_dump', { a: [1, new Float(2), 'é😀"\n'], b: {}, c: [] })).toBe(
    '{\n    "a": [\n        1,\n        2.0,\n        "\\u00e9\\ud83d\\ude00\\"\\n"\n    ],\n    "b": {},\n    "c": []\n}',
  );
});

test('what is no JSON is an error without the text in it', () => {
  expect(() => call('json_parse', '{secret')).toThrow(/^json_parse was given a text that is not JSON$/);
  expect(() => call('json_parse', 1)).toThrow('takes a text');
});

test('keys that name a prototype are data', () => {
  for (const name of ['json_parse', 'yaml_parse']) {
    const parsed = call(name, '{"__proto__": {"a": 1}}') as { [key: string]: Value };
    expect(own(parsed, '__proto__')).toEqual({ a: 1 });
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  }
  const data = {};
  put(data, '__proto__', 1);
  expect(call('json_dump', data)).toBe('{\n    "__proto__": 1\n}');
});

test('YAML is written in block style, sorted, quoted where it has to be', () => {
  expect(call('yaml_dump', { b: [1, { c: new Float(1) }], a: 'yes', é: ' x' })).toBe(
    "a: 'yes'\nb:\n- 1\n- c: 1.0\n\"\\xE9\": ' x'\n",
  );
  expect(call('yaml_dump', 'a')).toBe('a\n...\n');
});

test('YAML is read as version 1.1, where anchors and references are texts', () => {
  expect(call('yaml_parse', 'a: yes\nb: 010\nc: *d\ne: &f g\nh: 2020-01-01\ni: 1e5\nj: @k')).toEqual({
    a: true,
    b: 8,
    c: '*d',
    e: '&f g',
    h: '2020-01-01',
    i: '1e5',
    j: '@k',
  });
});

test('what nests too deeply is an error, not an overflow', () => {
  let deep: Value = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  expect(() => call('json_dump', deep)).toThrow('too deeply');
  expect(() => call('yaml_dump', deep)).toThrow('too deeply');
  for (const text of ['['.repeat(100_000), '- '.repeat(100_000), '{a: '.repeat(100_000)]) {
    expect(() => call('yaml_parse', text)).toThrow('too deeply');
  }
});

test('arguments that a function does not take are errors', () => {
  expect(() => call('uuid', 1)).toThrow('does not take');
  expect(() => call('json_dump')).toThrow('lacks its argument data');
  expect(functions.get('json_dump')?.([], { data: 1 })).toBe('1');
});
