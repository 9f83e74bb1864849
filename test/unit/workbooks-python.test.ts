import { describe, expect, test } from 'vitest';
import { Float, float, floatText, fromData, integer } from '../../workbooks/expressions/python/float.ts';
import { numberText, repr, textRepr } from '../../workbooks/expressions/python/repr.ts';

describe('numbers as Python writes them', () => {
  test.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [4, '4.0'],
    [0.1, '0.1'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [9999999999999998, '9999999999999998.0'],
    [123456789012345680, '1.2345678901234568e+17'],
    [0.0001, '0.0001'],
    [0.00012345, '0.00012345'],
    [0.00001, '1e-05'],
    [1.5e300, '1.5e+300'],
    [5e-324, '5e-324'],
    [-2.5, '-2.5'],
    [100, '100.0'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ])('the float %d is written %s', (value, text) => {
    expect(floatText(value)).toBe(text);
    expect(numberText(float(value))).toBe(text);
  });

  test('an integral number of data is an integer, of all its digits', () => {
    expect(numberText(fromData(4))).toBe('4');
    expect(numberText(fromData(-0))).toBe('0');
    expect(numberText(fromData(1e21))).toBe('1000000000000000000000');
    expect(integer(12n)).toBe(12);
    expect(integer(2n ** 53n)).toBe(2n ** 53n);
  });

  test('an integer of more digits than Python writes is refused', () => {
    expect(numberText(10n ** 4299n)).toHaveLength(4300);
    expect(() => numberText(10n ** 4300n)).toThrow('4300 digits');
  });
});

describe('values as Python shows them', () => {
  test.each([
    ['plain', `'plain'`],
    [`it's`, `"it's"`],
    [`"`, `'"'`],
    [`'"`, `'\\'"'`],
    ['a\\b\n\r\t', `'a\\\\b\\n\\r\\t'`],
    ['\u0000\u007f\u00a0\u00ad', `'\\x00\\x7f\\xa0\\xad'`],
    ['\u2028é😀\ud800', `'\\u2028é😀\\ud800'`],
    ['constructor', `'constructor'`],
  ])('the text %j', (text, shown) => {
    expect(textRepr(text)).toBe(shown);
  });

  test('containers hold what they hold in the same form', () => {
    const value = { a: [1, new Float(2), null, true], "it's": { nested: 'x' } };
    expect(repr(value)).toBe(`{'a': [1, 2.0, None, True], "it's": {'nested': 'x'}}`);
    expect(repr(new Map<unknown, unknown>([[1, []]]))).toBe('{1: []}');
  });

  test('what is nested beyond measure is an error, and so is what has no form', () => {
    let deep: unknown[] = [];
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(() => repr(deep)).toThrow('nested too deeply');
    expect(() => repr(() => 1)).toThrow('cannot be shown');
  });

  test('data that only looks representable is data', () => {
    expect(repr({ represent: 'x' })).toBe(`{'represent': 'x'}`);
  });
});
