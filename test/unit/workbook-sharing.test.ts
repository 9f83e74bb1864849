import { expect, test } from 'vitest';
import { share, unshare } from '../../workflows/workbooks/sharing.ts';

const long = 'x'.repeat(1000);
const list = [1, long, { a: null }];
const values = [
  null,
  'short',
  { a: list, b: list, c: [list, list] },
  { '\u0000': 1, '\u0000\u0000x': list, y: { '\u0000': 0 }, z: list },
  [long, long, { deep: { long, list } }],
  JSON.parse('{"__proto__": {"constructor": 1}, "a": [[], {}, ""]}'),
];

test.each(values.map((value) => [value]))('%j comes back as it was, by way of JSON', (value) => {
  expect(unshare(JSON.parse(JSON.stringify(share(value))))).toEqual(value);
});

test('what a thousand tasks have in common is written once', () => {
  const context = { big: 'y'.repeat(100_000), list };
  const tasks = Array.from({ length: 1000 }, (_, id) => ({
    id,
    inContext: { ...context },
    published: context,
  }));
  const written = JSON.stringify(share({ tasks }));
  expect(written.length).toBeLessThan(250_000);
  expect(unshare(JSON.parse(written))).toEqual({ tasks });
});

test('what is shared is one again afterwards', () => {
  const back = unshare(JSON.parse(JSON.stringify(share([list, list])))) as unknown[];
  expect(back[0]).toBe(back[1]);
});
