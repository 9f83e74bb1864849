import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Outcome } from '../../workbooks/actions/action.ts';
import { type ActionWorker, actionWorker } from './action-kit.ts';

let worker: ActionWorker;
/** One that has little patience. */
let hurried: ActionWorker;
beforeAll(async () => {
  worker = await actionWorker('workbooks: { javascript: { memory: 8MiB, limit: 10m } }');
  hurried = await actionWorker('workbooks: { javascript: { limit: 1s } }');
});
afterAll(async () => {
  await Promise.all([worker?.close(), hurried?.close()]);
});

function errorOf(outcome: Outcome): string {
  return 'error' in outcome ? String(outcome.error) : `no error: ${JSON.stringify(outcome.result)}`;
}

test.each<[string, string, unknown]>([
  ['a sum', 'return $.a + $.list[1]', 43],
  ['nothing', '', null],
  ['nothing that is returned', 'return', null],
  ['null', 'return null', null],
  [
    'what JSON has no word for',
    'return { a: undefined, b: [undefined, () => 1, NaN] }',
    { b: [null, null, null] },
  ],
  ['a date', 'return new Date(0)', '1970-01-01T00:00:00.000Z'],
  ['a text of any letters', 'return "é😀" + $["__proto__"]', 'é😀own'],
  ['several lines', 'let sum = 0;\nfor (const each of $.list) sum += each // a comment\nreturn sum', 3],
  ['a function of its own', 'function twice(x) { return 2 * x }\nreturn twice($.a)', 82],
])('std.javascript gives %s', async (_, script, result) => {
  const context = JSON.parse('{"a": 41, "list": [1, 2], "__proto__": "own"}');
  expect(await worker.run('std.javascript', { script, context })).toEqual({ result });
});

test('std.js is the same', async () => {
  expect(await worker.run('std.js', { script: 'return $' })).toEqual({ result: null });
});

test.each([
  ['is no JavaScript', 'return ]', /JavaScriptAction failed: SyntaxError/],
  ['throws', 'throw new Error("no")', /JavaScriptAction failed: Error: no/],
  ['throws data', 'throw { x: 1 }', /JavaScriptAction failed: \{"x":1\}/],
  ['never ends', 'for (;;);', /it took longer than 1 s/],
  [
    'never ends in a regular expression',
    'return /(a+)+$/.test("a".repeat(40) + "b")',
    /it took longer than 1 s/,
  ],
  ['fills the memory', 'const all = []; for (;;) all.push([1, 2, 3])', /out of memory/],
  ['wants it all at once', 'return new ArrayBuffer(1e9)', /out of memory/],
  ['calls itself', 'function r() { return r() + 1 }\nreturn r()', /stack overflow/],
  ['gives too much', 'return "x".repeat(2e6)', /the result has 2\d+ bytes/],
  ['gives far too much', 'return "x".repeat(5e6)', /more than 4194304 characters/],
  [
    'gives what is nested beyond reason',
    'let a = []; for (let i = 0; i < 600; i++) a = [a]; return a',
    /nested more than 500/,
  ],
  ['gives a circle', 'const o = {}; o.o = o; return o', /circular/],
  ['catches its end', 'for (;;) { try { for (;;); } catch {} }', /it took longer than 1 s/],
])('a script that %s is an error', async (_, script, message) => {
  const { run } = message.source.includes('1 s') ? hurried : worker;
  expect(errorOf(await run('std.javascript', { script }))).toMatch(message);
});

test.each([
  'return typeof process + typeof require + typeof globalThis.process + typeof Worker + typeof fetch + typeof WebAssembly',
  'return ["process", "require", "Deno", "fetch", "setTimeout", "std", "os", "WebAssembly"].filter((name) => name in globalThis)',
  'return typeof globalThis.constructor.constructor("return this.process")()',
  'return Object.keys(globalThis).filter((name) => !["$", "f"].includes(name))',
])('from a script there is no way out: %s', async (script) => {
  const outcome = await worker.run('std.javascript', { script });
  expect('result' in outcome && outcome.result).toEqual(
    script.includes('filter') ? [] : script.includes('+') ? 'undefined'.repeat(6) : 'undefined',
  );
});

test('modules cannot be had', async () => {
  const script = 'let got; import("node:fs").then((m) => { got = m }); return typeof got';
  expect(await worker.run('std.javascript', { script })).toEqual({ result: 'undefined' });
});

test('what a script changes is gone with it', async () => {
  await worker.run('std.javascript', {
    script: 'JSON.stringify = () => "1"; Object.prototype.toJSON = () => 7; Array.prototype.x = 1; return 1',
  });
  const outcome = await worker.run('std.javascript', { script: 'return { a: [1].x }' });
  expect(outcome).toEqual({ result: {} });
  expect(JSON.stringify({ a: 1 })).toBe('{"a":1}');
});

test('while a script runs the worker does other things, and a cancel ends it', async () => {
  const environment = new MockActivityEnvironment();
  const running = worker.run('std.javascript', { script: 'for (;;);' }, { environment });
  environment.once('heartbeat', () => environment.cancel());
  await expect(running).rejects.toThrow(/cancelled/i);
});
