import { isInteger } from '../python/float.ts';
import type { CallSite } from './call_site.ts';
import {
  Iter,
  isIterable,
  isIterator,
  isMapping,
  isNumber,
  isSet,
  iterate,
  Lazy,
  List,
  Memo,
  Pair,
  type SetValue,
  View,
} from './collections.ts';
import { Context } from './context.ts';
import { DateTime } from './datetime.ts';
import { YaqlError } from './fault.ts';
import { Call, Constant, isNode, MappingRule } from './nodes.ts';
import { Pattern } from './pattern_value.ts';
import { Timespan } from './timespan.ts';

/** What a parameter takes. An argument that is still an expression is taken by every type that does not look into it. */
export interface ParameterType {
  readonly isLazy: boolean;
  check(argument: unknown): boolean;
  convert(argument: unknown, site: CallSite): unknown;
  /** The class of Python's that the type stands for, if it is one; of two overloads the narrower one is taken. */
  readonly pythonClass?: PythonClass | 'several';
}

type PythonClass =
  | 'object'
  | 'int'
  | 'bool'
  | 'str'
  | 'none'
  | 'mapping'
  | 'iterable'
  | 'sequence'
  | 'set'
  | 'iterator'
  | 'ordering'
  | 'datetime'
  | 'timedelta'
  | 'pattern'
  | 'context'
  | 'pair';

const above: Readonly<Partial<Record<PythonClass, readonly PythonClass[]>>> = {
  bool: ['int'],
  str: ['sequence', 'iterable'],
  mapping: ['iterable'],
  sequence: ['iterable'],
  set: ['iterable'],
  iterator: ['iterable'],
  ordering: ['iterable'],
};

function isSubclass(inner: PythonClass, outer: PythonClass): boolean {
  return inner === outer || outer === 'object' || (above[inner]?.includes(outer) ?? false);
}

/** Whether one type takes less than the other, as far as Python's classes tell. */
export function isNarrower(type: ParameterType, other: ParameterType): boolean {
  const inner = type.pythonClass;
  const outer = other.pythonClass;
  if (inner === undefined || outer === undefined) return false;
  if (inner === 'several' || outer === 'several') {
    if (inner === outer) return false;
    throw new YaqlError('the types of two overloads cannot be compared');
  }
  return isSubclass(inner, outer) && !isSubclass(outer, inner);
}

/** A type that looks at values: those that are not there yet pass. */
class ValueType implements ParameterType {
  readonly isLazy = false;
  readonly pythonClass: PythonClass | 'several';
  readonly #nullable: boolean;
  readonly #holds: (value: unknown) => boolean;

  constructor(pythonClass: PythonClass | 'several', nullable: boolean, holds: (value: unknown) => boolean) {
    this.pythonClass = pythonClass;
    this.#nullable = nullable;
    this.#holds = holds;
  }

  check(argument: unknown): boolean {
    const value = argument instanceof Constant ? argument.value : argument;
    if (value === null) return this.#nullable;
    return isNode(value) || this.#holds(value);
  }

  convert(argument: unknown, _site: CallSite): unknown {
    return argument instanceof Constant ? argument.value : argument;
  }
}

/** An iterator counts what it gives, whichever way it came to be. */
class IterableType extends ValueType {
  override convert(argument: unknown, site: CallSite): unknown {
    const value = super.convert(argument, site);
    if (Array.isArray(value)) site.budget.elements(value.length);
    else if (value instanceof List) site.budget.elements(value.items.length);
    else if (isSet(value)) site.budget.elements(setSize(value));
    else if (value instanceof Memo || value instanceof View || value instanceof Lazy) {
      return new Iter(iterate(value), site.budget);
    }
    return value;
  }
}

function setSize(value: SetValue | View): number {
  return value instanceof View ? [...value].length : value.items.size;
}

const isInt = (value: unknown): boolean => typeof value === 'boolean' || isInteger(value);
const isSequence = (value: unknown): boolean => Array.isArray(value) || value instanceof List;

export const any = new ValueType('object', true, () => true);
export const some = new ValueType('object', false, () => true);
export const none = new ValueType('none', true, () => false);
export const bool = new ValueType('bool', false, (value) => typeof value === 'boolean');
export const boolOrNull = new ValueType('bool', true, (value) => typeof value === 'boolean');
/** Python's `int`, of which truth values are a part. */
export const int = new ValueType('int', false, isInt);
export const intOrNull = new ValueType('int', true, isInt);
/** An integer that is no truth value. */
export const strictInt = new ValueType('int', false, isInteger);
export const string = new ValueType('str', false, (value) => typeof value === 'string');
export const stringOrNull = new ValueType('str', true, (value) => typeof value === 'string');
export const number = new ValueType('several', false, isNumber);
export const numberOrNull = new ValueType('several', true, isNumber);
export const mapping = new ValueType('mapping', false, isMapping);
export const sequence = new ValueType('sequence', false, isSequence);
export const set = new ValueType('set', false, isSet);
export const iterator = new ValueType('iterator', false, isIterator);
export const iterable = new IterableType('iterable', false, isIterable);
export const iterableNoSet = new IterableType(
  'iterable',
  false,
  (value) => isIterable(value) && !isSet(value),
);
export const ordering = new ValueType('ordering', false, (value) => value instanceof Lazy);
export const datetime = new ValueType('datetime', false, (value) => value instanceof DateTime);
export const timespan = new ValueType('timedelta', false, (value) => value instanceof Timespan);
export const timespanOrNull = new ValueType('timedelta', true, (value) => value instanceof Timespan);
export const pattern = new ValueType('pattern', false, (value) => value instanceof Pattern);
export const context = new ValueType('context', false, (value) => value instanceof Context);
export const pair = new ValueType('pair', false, (value) => value instanceof Pair);

/** A word of the expression itself; converted to its text. */
export const keyword: ParameterType = {
  isLazy: false,
  check: (argument) => argument instanceof Constant && argument.isKeyword,
  convert: (argument) => (argument instanceof Constant ? argument.value : null),
};

/** A word of the expression itself, kept as one. */
export const keywordNode: ParameterType = {
  isLazy: false,
  check: (argument) => argument instanceof Constant && argument.isKeyword,
  convert: (argument) => argument,
};

/** An expression that is kept as one. */
export const expression: ParameterType = {
  isLazy: true,
  check: (argument) => isNode(argument),
  convert: (argument) => argument,
};

/** A function of the arguments that it is called with; null where none was given. */
export type Lambda = (...args: unknown[]) => unknown;

/** An expression that is evaluated each time it is called for, with its arguments as `$1`, `$2` … */
export const lambda: ParameterType = {
  isLazy: true,
  check: (argument) => argument !== undefined,
  convert: (argument, site) => (argument === null ? null : site.lambda(argument)),
};

/** An expression that is evaluated in a context which it is called with. */
export const lambdaInContext: ParameterType = {
  isLazy: true,
  check: (argument) => argument !== undefined,
  convert: (argument, site) =>
    argument === null ? null : (within: Context) => site.evaluateIn(argument, within),
};

/** An expression that is called on a value. */
export const methodCall: ParameterType = {
  isLazy: true,
  check: (argument) => !isNode(argument) || (argument instanceof Call && argument.isFunction),
  convert: (argument, site) => (receiver: unknown) => site.evaluateOn(argument, receiver),
};

/** `key => value`, both evaluated when they are called for. */
export interface LazyPair {
  source(): unknown;
  destination(): unknown;
}

export const lazyPair: ParameterType = {
  isLazy: true,
  check: (argument) => argument instanceof MappingRule,
  convert: (argument, site): LazyPair => {
    const rule = argument as MappingRule;
    return {
      source: () => site.evaluateIn(rule.source, site.context),
      destination: () => site.evaluateIn(rule.destination, site.context),
    };
  },
};
