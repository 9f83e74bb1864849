import type { CallSite } from '../call_site.ts';
import type { Definition } from '../definition.ts';
import { isTrue } from '../truth.ts';
import { any, int, type Lambda, type LazyPair, lambda, lazyPair } from '../types.ts';
import { asFunction, asMethod, parameter } from './registry.ts';

const operands = [parameter('left', lambda), parameter('right', lambda)];

function* trueOnes(conditions: readonly Lambda[]): Generator<number> {
  for (const [index, condition] of conditions.entries()) if (isTrue(condition())) yield index;
}

function* truths(conditions: readonly Lambda[]): Generator<boolean> {
  for (const condition of conditions) yield isTrue(condition());
}

export const conditions: readonly Definition[] = [
  asFunction('#operator_and', operands, (_site: CallSite, left: Lambda, right: Lambda) => {
    const value = left();
    return isTrue(value) ? right() : value;
  }),
  asFunction('#operator_or', operands, (_site: CallSite, left: Lambda, right: Lambda) => {
    const value = left();
    return isTrue(value) ? value : right();
  }),
  asFunction(
    '#unary_operator_not',
    [parameter('arg', any)],
    (_site: CallSite, value: unknown) => !isTrue(value),
  ),
  asFunction('bool', [parameter('value', any)], (_site: CallSite, value: unknown) => isTrue(value)),
  asFunction(
    'isBoolean',
    [parameter('value', any)],
    (_site: CallSite, value: unknown) => typeof value === 'boolean',
  ),
  asFunction(
    'switch',
    [],
    (_site: CallSite, ...cases: LazyPair[]) => {
      const found = cases.find((one) => isTrue(one.source()));
      return found ? found.destination() : null;
    },
    { rest: lazyPair, noKeywords: true },
  ),
  asFunction(
    'selectCase',
    [],
    (_site: CallSite, ...cases: Lambda[]) => {
      const index = cases.findIndex((one) => isTrue(one()));
      return index < 0 ? cases.length : index;
    },
    { rest: lambda },
  ),
  asFunction('selectAllCases', [], (site: CallSite, ...cases: Lambda[]) => site.lazily(trueOnes(cases)), {
    rest: lambda,
  }),
  asFunction('examine', [], (site: CallSite, ...cases: Lambda[]) => site.lazily(truths(cases)), {
    rest: lambda,
  }),
  asMethod(
    'switchCase',
    [parameter('case', int)],
    (_site: CallSite, chosen: number | bigint | boolean, ...cases: Lambda[]) => {
      const index = Number(chosen);
      const found = index >= 0 && index < cases.length ? cases[index] : cases.at(-1);
      return found ? found() : null;
    },
    { rest: lambda },
  ),
  asFunction(
    'coalesce',
    [],
    (_site: CallSite, ...cases: Lambda[]) => {
      for (const one of cases) {
        const value = one();
        if (value !== null) return value;
      }
      return null;
    },
    { rest: lambda },
  ),
];
