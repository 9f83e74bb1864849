/**
 * Python's numbers in JavaScript's. An integer is a `number` of integral value within the safe range, and a `bigint`
 * beyond it. A float is a `number` that has a fraction, or is not finite; one of integral value (4.0, -0.0, 1e300)
 * would look like an integer, so it is a `Float`. Each number has one form only: build floats with `float`, and
 * integers with `integer`.
 */
export class Float {
  /** Of integral value always. */
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export type Integer = number | bigint;

/** Python's float of this value. */
export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** Python's int of this value. */
export function integer(value: bigint): Integer {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** A number as it stands in data: there the integral ones are integers, as they would be in JSON without a point. */
export function fromData(value: number): Integer {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value === 0 ? 0 : value;
}

export function isFloat(value: unknown): value is number | Float {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}

export function isInteger(value: unknown): value is Integer {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

/** The value as a double; a large integer loses digits, or becomes infinite. */
export function toDouble(value: number | bigint | Float): number {
  return value instanceof Float ? value.value : Number(value);
}

/** As Python's `repr` writes a float: the shortest digits that read back, `1e+16` from there on, `1e-05` down from there. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const [mantissa = '0', power = '0'] = Math.abs(value).toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const digits = mantissa.replace('.', '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}
