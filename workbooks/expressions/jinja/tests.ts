import { isFloat } from '../python/float.ts';
import { isLower, isUpper } from '../python/text.ts';
import { contains, equal, type Order, ordered } from './compare.ts';
import { Dict, List, Range, Tuple } from './containers.ts';
import { str } from './describe.ts';
import { isIterable } from './iterate.ts';
import { asText, type Item, Markup, Thing } from './object.ts';
import { asInteger, asNumber, binary } from './operators.ts';
import type { Runtime } from './runtime.ts';
import { type Operation, operation } from './signature.ts';
import { Undefined } from './undefined.ts';

function test(name: string, holds: (value: Item, runtime: Runtime) => boolean): [string, Operation] {
  return [name, operation(`test_${name}`, '', (runtime, value) => holds(value, runtime))];
}

function comparing(
  names: string,
  holds: (a: Item, b: Item, runtime: Runtime) => boolean,
): [string, Operation][] {
  return names
    .split(' ')
    .map((name) => [name, operation(name, 'b', (runtime, a, b = null) => holds(a, b, runtime))]);
}

function ordering(names: string, operator: Order): [string, Operation][] {
  return comparing(names, (a, b, runtime) => ordered(a, operator, b, runtime));
}

function remainder(value: Item, by: Item, is: number, runtime: Runtime): boolean {
  return equal(binary('%', value, by, runtime), is, runtime);
}

/** Every test of Jinja's own, by name: what may stand after `is`. */
export const tests: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  test('odd', (value, runtime) => remainder(value, 2, 1, runtime)),
  test('even', (value, runtime) => remainder(value, 2, 0, runtime)),
  [
    'divisibleby',
    operation('test_divisibleby', 'num', (runtime, value, by = null) => remainder(value, by, 0, runtime)),
  ],
  test('defined', (value) => !(value instanceof Undefined)),
  test('undefined', (value) => value instanceof Undefined),
  test('filter', (value, runtime) => runtime.findFilter(name(value)) !== undefined),
  test('test', (value) => tests.has(name(value))),
  test('none', (value) => value === null),
  test('boolean', (value) => typeof value === 'boolean'),
  test('false', (value) => value === false),
  test('true', (value) => value === true),
  test('integer', (value) => typeof value !== 'boolean' && asInteger(value) !== undefined),
  test('float', (value) => isFloat(value)),
  test('lower', (value, runtime) => isLower(str(value, runtime))),
  test('upper', (value, runtime) => isUpper(str(value, runtime))),
  test('string', (value) => asText(value) !== undefined),
  test('mapping', (value) => value instanceof Dict),
  test('number', (value) => asNumber(value) !== undefined),
  test('sequence', (value) => {
    if (asText(value) !== undefined || value instanceof List || value instanceof Tuple) return true;
    return value instanceof Dict || value instanceof Range;
  }),
  test('iterable', (value, runtime) => isIterable(value, runtime)),
  test('callable', (value) => value instanceof Undefined || (value instanceof Thing && value.isCallable)),
  ['sameas', operation('test_sameas', 'other', (_, value, other = null) => value === other)],
  test('escaped', (value) => value instanceof Markup),
  [
    'in',
    operation('test_in', 'seq', (runtime, value, sequence = null) => contains(sequence, value, runtime)),
  ],
  ...comparing('== eq equalto', equal),
  ...comparing('!= ne', (a, b, runtime) => !equal(a, b, runtime)),
  ...ordering('> gt greaterthan', '>'),
  ...ordering('>= ge', '>='),
  ...ordering('< lt lessthan', '<'),
  ...ordering('<= le', '<='),
]);

function name(value: Item): string {
  if (value instanceof Undefined) return value.fail();
  return asText(value) ?? '';
}
