import { expect, test } from 'vitest';
import { checkKey, checkPrefix } from '../../repository/key.ts';
import { layout, segmentName } from '../../repository/layout.ts';

const id = '0198c8f0-1111-7222-8333-444455556666';

test('every name of the layout can be a key, or a prefix', () => {
  const database = encodeURIComponent('Ünï cödé/..\\"%').slice(0, 189);
  const keys = [
    layout.repository,
    layout.epoch(12),
    layout.instance(id, 3),
    layout.schedule(id, 3),
    layout.workbook('nightly', 3),
    layout.attempt(id, id, id) + segmentName(`${database}.pgc.zst`, 4095),
    layout.manifest(id, id),
    layout.signature(id, id, 'ab'.repeat(32)),
    layout.mark(id, id, 'tombstone'),
    layout.logPiece(id, 10),
    layout.log(id),
  ];
  for (const key of keys) expect(checkKey(key)).toBe(key);
  const prefixes = ['', layout.epochs, layout.backups, layout.attempt(id, id, id), layout.marksOf(id)];
  for (const prefix of prefixes) expect(checkPrefix(prefix)).toBe(prefix);
});

test('a name that leads elsewhere, or that a store could read as another, is refused', () => {
  const bad = [
    '',
    '.',
    '..',
    '/',
    '/a',
    'a/',
    'a//b',
    'a/./b',
    'a/../b',
    '../a',
    'a/..',
    'a\\b',
    'a\0b',
    'a\nb',
  ];
  const odd = ['a b', 'a#b', 'a?b', 'a*b', 'a:b', 'ä', '\u202e', 'a\u2044b', '~/\t', 'a/\x7f'];
  for (const key of [...bad, ...odd, 'x'.repeat(219), `${'abcdefg/'.repeat(97)}x`]) {
    expect(() => checkKey(key), JSON.stringify(key)).toThrow(expect.objectContaining({ code: 'refused' }));
  }
  for (const prefix of ['a', '/', './', '../', 'a//', 'a/../', '/a/', 'a b/']) {
    expect(() => checkPrefix(prefix), prefix).toThrow(expect.objectContaining({ code: 'refused' }));
  }
});

test('a refusal shows control characters as escapes, and not all of a long name', () => {
  expect(() => checkKey('a\u001b[2Jb')).toThrow('"a\\u001b[2Jb"');
  const message = (() => {
    try {
      return checkKey('y'.repeat(100_000));
    } catch (error) {
      return (error as Error).message;
    }
  })();
  expect(message.length).toBeLessThan(250);
});
