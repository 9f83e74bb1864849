import { ExpressionError } from '../language.ts';
import { add, divide, floorDivide, modulo, multiply, negate, power, subtract } from '../python/arithmetic.ts';
import { Float, isFloat } from '../python/float.ts';
import { List, Tuple } from './containers.ts';
import { typeName } from './describe.ts';
import { asHtml } from './escape.ts';
import { percentFormat } from './format/percent.ts';
import { elementBytes } from './iterate.ts';
import type { BinaryOperator } from './nodes.ts';
import { asText, type Item, Markup } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';

const arithmetic = {
  '+': add,
  '-': subtract,
  '*': multiply,
  '/': divide,
  '//': floorDivide,
  '%': modulo,
  '**': power,
} as const;

/** The number that a value is; truth values are 0 and 1. Undefined if it is none. */
export function asNumber(item: Item): number | bigint | Float | undefined {
  if (typeof item === 'number' || typeof item === 'bigint') return item;
  if (typeof item === 'boolean') return item ? 1 : 0;
  return item instanceof Float ? item : undefined;
}

/** The integer that a value is; truth values are 0 and 1. Undefined if it is none. */
export function asInteger(item: Item): number | bigint | undefined {
  const number = asNumber(item);
  return number === undefined || isFloat(number) ? undefined : (number as number | bigint);
}

/** A binary operator of Python's. @throws ExpressionError where the types do not go together. */
export function binary(operator: BinaryOperator, left: Item, right: Item, runtime: Runtime): Item {
  if (left instanceof Undefined) return left.fail();
  const text = asText(left);
  if (operator === '%' && text !== undefined) {
    if (!(left instanceof Markup)) return percentFormat(text, right, runtime);
    return new Markup(percentFormat(text, right, runtime, (part) => asHtml(part, runtime)));
  }
  if (right instanceof Undefined) return right.fail();
  const x = asNumber(left);
  const y = asNumber(right);
  if (x !== undefined && y !== undefined) {
    const result = arithmetic[operator](x, y);
    if (typeof result === 'bigint') {
      const digits = result.toString(16).length;
      runtime.budget.characters(digits);
      runtime.budget.step(digits / 16);
    }
    return result;
  }
  if (operator === '+') return joined(left, right, runtime);
  if (operator === '*') {
    const count = asInteger(right) ?? asInteger(left);
    const sequence = asInteger(right) === undefined ? right : left;
    const repeated = count === undefined ? undefined : repeat(sequence, count, runtime);
    if (repeated !== undefined) return repeated;
  }
  throw unsupported(operator, left, right);
}

function unsupported(operator: string, left: Item, right: Item): ExpressionError {
  if (operator === '*' && isSequence(left)) {
    return new ExpressionError(`can't multiply sequence by non-int of type '${typeName(right)}'`);
  }
  if (operator === '*' && isSequence(right)) {
    return new ExpressionError(`can't multiply sequence by non-int of type '${typeName(left)}'`);
  }
  const shown = operator === '**' ? '** or pow()' : operator;
  return new ExpressionError(
    `unsupported operand type(s) for ${shown}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function isSequence(item: Item): boolean {
  return asText(item) !== undefined || item instanceof List || item instanceof Tuple;
}

function joined(left: Item, right: Item, runtime: Runtime): Item {
  const a = asText(left);
  const b = asText(right);
  if (a !== undefined && b !== undefined) {
    runtime.budget.characters(a.length + b.length);
    if (!(left instanceof Markup) && !(right instanceof Markup)) return a + b;
    return new Markup(asHtml(left, runtime) + asHtml(right, runtime));
  }
  if ((left instanceof List && right instanceof List) || (left instanceof Tuple && right instanceof Tuple)) {
    runtime.budget.build((left.items.length + right.items.length) * elementBytes);
    const items = [...left.items, ...right.items];
    return left instanceof List ? new List(items) : new Tuple(items);
  }
  const noun =
    a !== undefined ? 'str' : left instanceof List || left instanceof Tuple ? left.type : undefined;
  if (noun === undefined) throw unsupported('+', left, right);
  throw new ExpressionError(`can only concatenate ${noun} (not "${typeName(right)}") to ${noun}`);
}

function repeat(sequence: Item, count: number | bigint, runtime: Runtime): Item | undefined {
  const times = Math.max(0, Number(count));
  const text = asText(sequence);
  if (text !== undefined) {
    runtime.budget.characters(text === '' ? 0 : text.length * times);
    const repeated = text === '' ? '' : text.repeat(times);
    return sequence instanceof Markup ? new Markup(repeated) : repeated;
  }
  if (!(sequence instanceof List) && !(sequence instanceof Tuple)) return undefined;
  const { items } = sequence;
  runtime.budget.build(items.length === 0 ? 0 : items.length * times * elementBytes);
  const repeated: Item[] = [];
  for (let round = 0; items.length > 0 && round < times; round++) {
    for (const item of items) repeated.push(item);
  }
  return sequence instanceof List ? new List(repeated) : new Tuple(repeated);
}

/** `-` or `+` before a value. */
export function unary(operator: '-' | '+', operand: Item): Item {
  if (operand instanceof Undefined) return operand.fail();
  const number = asNumber(operand);
  if (number === undefined)
    throw new ExpressionError(`bad operand type for unary ${operator}: '${typeName(operand)}'`);
  return operator === '-' ? negate(number) : number;
}
