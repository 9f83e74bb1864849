import { ExpressionError } from '../language.ts';
import { type Float, float, type Integer, integer, isFloat, toDouble } from './float.ts';

type Numeric = number | bigint | Float;

/** The most bits an integer may have: more than Python would write as text, and little enough to reckon with. */
const mostBits = 65_536n;

function exact(value: Numeric): bigint {
  return BigInt(value as Integer);
}

function bounded(value: bigint): Integer {
  const result = integer(value);
  if (typeof result === 'bigint' && (value < 0n ? -value : value) >> mostBits !== 0n) {
    throw new ExpressionError('an integer has become too large');
  }
  return result;
}

export function add(a: Numeric, b: Numeric): Numeric {
  if (isFloat(a) || isFloat(b)) return float(double(a) + double(b));
  const sum = typeof a === 'number' && typeof b === 'number' ? a + b : undefined;
  return sum !== undefined && Number.isSafeInteger(sum) ? sum : bounded(exact(a) + exact(b));
}

export function subtract(a: Numeric, b: Numeric): Numeric {
  return isFloat(a) || isFloat(b) ? float(double(a) - double(b)) : add(a, negate(b));
}

export function multiply(a: Numeric, b: Numeric): Numeric {
  if (isFloat(a) || isFloat(b)) return float(double(a) * double(b));
  const product = typeof a === 'number' && typeof b === 'number' ? a * b : undefined;
  if (product !== undefined && Number.isSafeInteger(product)) return product + 0;
  return bounded(exact(a) * exact(b));
}

/** Always a float, as Python's `/` is. */
export function divide(a: Numeric, b: Numeric): Numeric {
  const divisor = double(b);
  if (divisor === 0)
    throw new ExpressionError(isFloat(a) || isFloat(b) ? 'float division by zero' : 'division by zero');
  return float(double(a) / divisor);
}

/** Rounds down, as Python's `//` does. */
export function floorDivide(a: Numeric, b: Numeric): Numeric {
  if (isFloat(a) || isFloat(b)) {
    const y = double(b);
    if (y === 0) throw new ExpressionError('float floor division by zero');
    return float(floatDivision(double(a), y)[0]);
  }
  if (toDouble(b) === 0) throw new ExpressionError('integer division or modulo by zero');
  return floorDivision(exact(a), exact(b))[0];
}

/** With the sign of the divisor, as Python's `%` has it. */
export function modulo(a: Numeric, b: Numeric): Numeric {
  if (isFloat(a) || isFloat(b)) {
    const y = double(b);
    if (y === 0) throw new ExpressionError('float modulo');
    return float(floatDivision(double(a), y)[1]);
  }
  if (toDouble(b) === 0) throw new ExpressionError('integer modulo by zero');
  return floorDivision(exact(a), exact(b))[1];
}

function floorDivision(a: bigint, b: bigint): [Integer, Integer] {
  const quotient = a / b;
  const remainder = a % b;
  const isBelow = remainder !== 0n && remainder < 0n !== b < 0n;
  return [integer(isBelow ? quotient - 1n : quotient), integer(isBelow ? remainder + b : remainder)];
}

function floatDivision(a: number, b: number): [number, number] {
  let remainder = a % b;
  let quotient = (a - remainder) / b;
  if (remainder === 0) remainder = b < 0 || Object.is(b, -0) ? -0 : 0;
  else if (remainder < 0 !== b < 0) {
    remainder += b;
    quotient -= 1;
  }
  if (quotient === 0) return [a / b < 0 || Object.is(a / b, -0) ? -0 : 0, remainder];
  const floor = Math.floor(quotient);
  return [quotient - floor > 0.5 ? floor + 1 : floor, remainder];
}

export function power(a: Numeric, b: Numeric): Numeric {
  if (isFloat(a) || isFloat(b) || b < 0) {
    const x = double(a);
    const y = double(b);
    if (x === 0 && y < 0) throw new ExpressionError('0.0 cannot be raised to a negative power');
    if (x < 0 && Number.isFinite(x) && !Number.isInteger(y) && Number.isFinite(y)) {
      throw new ExpressionError(
        'a negative number cannot be raised to a fraction: complex numbers are not supported',
      );
    }
    const result = x === 1 ? 1 : x === -1 && !Number.isFinite(y) && !Number.isNaN(y) ? 1 : x ** y;
    if (!Number.isFinite(result) && Number.isFinite(x) && Number.isFinite(y)) {
      throw new ExpressionError("(34, 'Numerical result out of range')");
    }
    return float(result);
  }
  const base = exact(a);
  const exponent = exact(b);
  const bits = BigInt((base < 0n ? -base : base).toString(2).length);
  if (bits > 1n && (bits - 1n) * exponent > mostBits)
    throw new ExpressionError('an integer has become too large');
  return bounded(bits <= 1n ? smallPower(base, exponent) : base ** exponent);
}

/** Of -1, 0 and 1: the exponent may be of any size. */
function smallPower(base: bigint, exponent: bigint): bigint {
  return exponent === 0n ? 1n : base === -1n ? (exponent % 2n === 0n ? 1n : -1n) : base;
}

export function negate(value: Numeric): Numeric {
  if (isFloat(value)) return float(-toDouble(value));
  return integer(-exact(value));
}

export function absolute(value: Numeric): Numeric {
  if (isFloat(value)) return float(Math.abs(toDouble(value)));
  return value < 0 ? negate(value) : value;
}

/** @throws ExpressionError for an integer that no float reaches. */
export function double(value: Numeric): number {
  const result = toDouble(value);
  if (typeof value === 'bigint' && !Number.isFinite(result)) {
    throw new ExpressionError('int too large to convert to float');
  }
  return result;
}

/** The integer part of a float. @throws ExpressionError if it is not finite. */
export function truncate(value: number): Integer {
  if (Number.isNaN(value)) throw new ExpressionError('cannot convert float NaN to integer');
  if (!Number.isFinite(value)) throw new ExpressionError('cannot convert float infinity to integer');
  return integer(BigInt(Math.trunc(value)));
}
