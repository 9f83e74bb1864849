import { afterAll, expect, test } from 'vitest';
import { dictionaryOf, jsonArgument } from '../../cli/json-argument.ts';
import { createWorkspace } from '../servers/workspace.ts';

const workspace = createWorkspace('json-argument');
afterAll(() => workspace.remove());

const refusal = (act: () => unknown): { code?: string; message?: string } => {
  try {
    act();
    return {};
  } catch (error) {
    return error as { code: string; message: string };
  }
};

test('keys stay as they are, also such as objects have by nature', () => {
  const value = dictionaryOf('{"camelCase": 1, "__proto__": {"x": 1}, "constructor": null}', 'the input');
  expect(Object.keys(value ?? {})).toEqual(['camelCase', '__proto__', 'constructor']);
  expect(({} as { x?: number }).x).toBeUndefined();
  expect(dictionaryOf(undefined, 'the input')).toBeUndefined();
});

test.each([
  ['{', 'the input is no JSON'],
  ['', 'the input is no JSON'],
  ['{"password": s3cr3t}', 'the input is no JSON'],
  ['s3cr3t', 'the input is no JSON'],
  ['[1]', 'has to be an object of JSON, and is a list'],
  ['"s3cr3t"', 'has to be an object of JSON, and is a string'],
  ['['.repeat(101), 'nested more than 100 deep'],
  [`{"a": ${'{"a":'.repeat(200_000)}`, 'nested more than 100 deep'],
])('%.20j is refused, and nothing of it is shown', (text, says) => {
  const { code, message } = refusal(() => dictionaryOf(text, 'the input'));
  expect(code).toBe('usage');
  expect(message).toContain(says);
  expect(message).not.toContain('s3cr3t');
});

test('brackets within texts do not count as depth', () => {
  const text = JSON.stringify({ a: `"\\${'['.repeat(500)}` });
  expect(dictionaryOf(text, 'the input')).toEqual({ a: `"\\${'['.repeat(500)}` });
});

test('a file holds what others are not to see', async () => {
  const path = await workspace.file('input.json', '{"a": [1]}\n');
  expect(jsonArgument(`@${path}`, '--params')).toEqual({ a: [1] });
  expect(refusal(() => jsonArgument(`@${path}.no`, '--params'))).toMatchObject({ code: 'not-found' });
  expect(refusal(() => jsonArgument(`@${workspace.directory}`, '--params')).message).toContain('EISDIR');
});
