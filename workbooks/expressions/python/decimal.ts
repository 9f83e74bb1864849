/** How a double is written with a number of digits: exactly, and halves to the even digit, as Python does. */

const bits = new DataView(new ArrayBuffer(8));

/** A positive double as mantissa and power of two. */
function decompose(value: number): [bigint, number] {
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = Number((word >> 52n) & 0x7ffn);
  const fraction = word & 0xfffffffffffffn;
  return exponent === 0 ? [fraction, -1074] : [fraction | 0x10000000000000n, exponent - 1075];
}

/** The value, not negative and finite, times ten to the power, rounded to an integer; a half goes to the even one. */
function scaled(value: number, power: number): bigint {
  const [mantissa, exponent] = decompose(value);
  const numerator = mantissa * 10n ** BigInt(Math.max(power, 0)) * 2n ** BigInt(Math.max(exponent, 0));
  const denominator = 10n ** BigInt(Math.max(-power, 0)) * 2n ** BigInt(Math.max(-exponent, 0));
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** `%.{digits}f` of a value that is not negative and finite. */
export function fixed(value: number, digits: number): string {
  const text = scaled(value, digits)
    .toString()
    .padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** Its decimal digits, one before the point, and the power of ten. */
function scientific(value: number, digits: number): { digits: string; exponent: number } {
  if (value === 0) return { digits: '0'.repeat(digits + 1), exponent: 0 };
  const exponent = Number(value.toExponential().split('e')[1]);
  const text = scaled(value, digits - exponent).toString();
  return text.length > digits + 1
    ? { digits: text.slice(0, -1), exponent: exponent + 1 }
    : { digits: text, exponent };
}

/** `%.{digits}e`, of a value that is not negative and finite. */
export function exponential(value: number, digits: number): string {
  const { digits: text, exponent } = scientific(value, digits);
  return pointed(text) + power(exponent);
}

function pointed(digits: string): string {
  return digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
}

function power(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** `%.{digits}g`: as many significant digits, without zeros at the end unless they are kept; digits are reserved for what follows the point. */
export function general(value: number, digits: number, keepsZeros = false, reserved = 0): string {
  const significant = digits === 0 ? 1 : digits;
  const { digits: text, exponent } = scientific(value, significant - 1);
  const trim = (number: string) =>
    keepsZeros || !number.includes('.') ? number : number.replace(/\.?0+$/, '');
  if (exponent < -4 || exponent >= significant - reserved) return trim(pointed(text)) + power(exponent);
  if (exponent < 0) return trim(`0.${'0'.repeat(-exponent - 1)}${text}`);
  const fraction = text.slice(exponent + 1);
  return trim(fraction === '' ? text : `${text.slice(0, exponent + 1)}.${fraction}`);
}

/** Python's `round` of a float. */
export function roundFloat(value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 323) return value;
  if (digits < -308) return value * 0;
  const text = digits >= 0 ? fixed(Math.abs(value), digits) : `${scaled(Math.abs(value), digits)}e${-digits}`;
  const rounded = Number(text);
  return value < 0 || Object.is(value, -0) ? -rounded : rounded;
}
