import { Float, float, type Integer, integer, isInteger, toDouble } from '../python/float.ts';
import { YaqlError } from './fault.ts';

/** Python's numbers, without its truth values. */
export type Num = number | bigint | Float;

/** Integers of more bits than this are refused: what is computed with them takes long. */
const mostBits = 20_000;

function zeroDivision(): YaqlError {
  return new YaqlError('division by zero');
}

export function double(value: Num): number {
  const converted = toDouble(value);
  if (typeof value === 'bigint' && !Number.isFinite(converted)) {
    throw new YaqlError('an integer is too large for a float');
  }
  return converted;
}

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}

/** @throws YaqlError where it has too many digits to compute with */
export function bounded(value: bigint): Integer {
  const result = integer(value);
  if (typeof result === 'bigint' && bits(result) > mostBits) {
    throw new YaqlError('an integer has too many digits', 'limit');
  }
  return result;
}

function big(value: Integer): bigint {
  return BigInt(value);
}

function safe(result: number): result is number {
  return Number.isSafeInteger(result);
}

export function add(left: Num, right: Num): Num {
  if (isInteger(left) && isInteger(right)) {
    if (typeof left === 'number' && typeof right === 'number') {
      const result = left + right;
      if (safe(result)) return result;
    }
    return bounded(big(left) + big(right));
  }
  return float(double(left) + double(right));
}

export function subtract(left: Num, right: Num): Num {
  if (isInteger(left) && isInteger(right)) {
    if (typeof left === 'number' && typeof right === 'number') {
      const result = left - right;
      if (safe(result)) return result;
    }
    return bounded(big(left) - big(right));
  }
  return float(double(left) - double(right));
}

export function multiply(left: Num, right: Num): Num {
  if (isInteger(left) && isInteger(right)) {
    if (typeof left === 'number' && typeof right === 'number') {
      const result = left * right;
      if (safe(result)) return result === 0 ? 0 : result;
    }
    return bounded(big(left) * big(right));
  }
  return float(double(left) * double(right));
}

/** Of two integers the one below; otherwise a float. */
export function divide(left: Num, right: Num): Num {
  if (isInteger(left) && isInteger(right)) {
    if (Number(right) === 0) throw zeroDivision();
    if (safe(Number(left)) && safe(Number(right))) {
      const quotient = Math.floor(Number(left) / Number(right));
      // The division of doubles may round up to the next integer.
      if (Math.abs(quotient) < 2 ** 31) {
        const exact = BigInt(left) - BigInt(quotient) * BigInt(right);
        if (Number(exact) === 0 || exact < 0n === Number(right) < 0) return quotient === 0 ? 0 : quotient;
      }
    }
    return bounded(floorQuotient(big(left), big(right)));
  }
  const divisor = double(right);
  if (divisor === 0) throw zeroDivision();
  return float(double(left) / divisor);
}

function floorQuotient(left: bigint, right: bigint): bigint {
  const quotient = left / right;
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient;
}

/** With the sign of the divisor. */
export function modulo(left: Num, right: Num): Num {
  if (isInteger(left) && isInteger(right)) {
    if (Number(right) === 0) throw zeroDivision();
    const divisor = big(right);
    const rest = big(left) % divisor;
    return integer(rest !== 0n && rest < 0n !== divisor < 0n ? rest + divisor : rest);
  }
  const divisor = double(right);
  if (divisor === 0) throw zeroDivision();
  const rest = double(left) % divisor;
  if (rest === 0) return float(divisor < 0 ? -0 : 0);
  return float(rest < 0 !== divisor < 0 ? rest + divisor : rest);
}

export function negate(value: Num): Num {
  return isInteger(value) ? subtract(0, value) : float(-double(value));
}

/** Below zero, zero or above it; NaN where they cannot be compared. */
export function compare(left: Num, right: Num): number {
  const a = left instanceof Float ? left.value : left;
  const b = right instanceof Float ? right.value : right;
  if (a < b) return -1;
  if (a > b) return 1;
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint never is the same as a number
  return a == b ? 0 : Number.NaN;
}

/** The power; by a modulus where one is given, which takes integers only. */
export function power(base: Num, exponent: Num, modulus: Num | null): Num {
  if (modulus !== null) return modularPower(base, exponent, modulus);
  if (isInteger(base) && isInteger(exponent)) {
    const raised = big(base);
    const by = big(exponent);
    if (by < 0n) return floatPower(double(base), double(exponent));
    if (
      raised !== 0n &&
      raised !== 1n &&
      raised !== -1n &&
      by * BigInt(bits(raised)) > BigInt(2 * mostBits + 8)
    ) {
      throw new YaqlError('an integer has too many digits', 'limit');
    }
    if (raised === 0n || raised === 1n) return by === 0n ? 1 : Number(raised);
    if (raised === -1n) return by % 2n === 0n ? 1 : -1;
    return bounded(raised ** by);
  }
  return floatPower(double(base), double(exponent));
}

function floatPower(base: number, exponent: number): Num {
  if (base === 0 && exponent < 0) throw zeroDivision();
  if (base === 1 || exponent === 0) return float(1);
  if (base === -1 && !Number.isFinite(exponent) && !Number.isNaN(exponent)) return float(1);
  const result = base ** exponent;
  if (Number.isNaN(result) && !Number.isNaN(base) && !Number.isNaN(exponent)) {
    throw new YaqlError('the power is a complex number');
  }
  if (!Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent)) {
    throw new YaqlError('the power is too large');
  }
  return float(result);
}

function modularPower(base: Num, exponent: Num, modulus: Num): Num {
  if (!isInteger(base) || !isInteger(exponent) || !isInteger(modulus)) {
    throw new YaqlError('a power by a modulus takes integers');
  }
  const by = big(modulus);
  if (by === 0n) throw new YaqlError('the modulus of a power is zero');
  let left = big(exponent);
  let factor = positiveRest(big(base), by);
  if (left < 0n) {
    factor = inverse(factor, by);
    left = -left;
  }
  let result = positiveRest(1n, by);
  for (; left > 0n; left >>= 1n) {
    if (left & 1n) result = positiveRest(result * factor, by);
    factor = positiveRest(factor * factor, by);
  }
  return integer(by < 0n && result !== 0n ? result + by : result);
}

function positiveRest(value: bigint, modulus: bigint): bigint {
  const by = modulus < 0n ? -modulus : modulus;
  return ((value % by) + by) % by;
}

function inverse(value: bigint, modulus: bigint): bigint {
  const by = modulus < 0n ? -modulus : modulus;
  let [previous, rest] = [by, value];
  let [before, coefficient] = [0n, 1n];
  while (rest !== 0n) {
    const quotient = previous / rest;
    [previous, rest] = [rest, previous - quotient * rest];
    [before, coefficient] = [coefficient, before - quotient * coefficient];
  }
  if (previous !== 1n) throw new YaqlError('the base has no inverse for the modulus');
  return positiveRest(before, by);
}

/** To so many digits after the point, or before it where there are fewer than none; halves to the even one. */
export function round(value: Num, digits: Integer): Num {
  if (isInteger(value)) {
    if (digits >= 0) return value;
    if (digits < -mostBits) return 0;
    const unit = 10n ** BigInt(-digits);
    return bounded(roundedQuotient(big(value), unit) * unit);
  }
  const number = double(value);
  if (!Number.isFinite(number) || digits > 400) return value;
  if (digits < -400) return float(number < 0 ? -0 : 0);
  const { numerator, denominator } = exactly(number);
  const scale = 10n ** BigInt(Math.abs(Number(digits)));
  const rounded =
    digits >= 0
      ? roundedQuotient(numerator * scale, denominator)
      : roundedQuotient(numerator, denominator * scale);
  const text = digits >= 0 ? `${rounded}e-${digits}` : `${rounded}e${-Number(digits)}`;
  const result = Number(text);
  if (!Number.isFinite(result)) throw new YaqlError('the rounded number is too large');
  return float(result === 0 && (number < 0 || Object.is(number, -0)) ? -0 : result);
}

/** The nearest integer, of two the even one; the divisor is above zero. */
function roundedQuotient(numerator: bigint, denominator: bigint): bigint {
  const below = floorQuotient(numerator, denominator);
  const twice = 2n * (numerator - below * denominator);
  if (twice > denominator || (twice === denominator && below % 2n !== 0n)) return below + 1n;
  return below;
}

/** A double as the fraction that it is. */
function exactly(value: number): { numerator: bigint; denominator: bigint } {
  let scaled = value;
  let shift = 0;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return { numerator: BigInt(scaled), denominator: 1n << BigInt(shift) };
}
