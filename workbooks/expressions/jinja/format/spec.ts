import { ExpressionError } from '../../language.ts';
import { double } from '../../python/arithmetic.ts';
import { exponential, fixed, general } from '../../python/decimal.ts';
import { type Float, floatText, isFloat } from '../../python/float.ts';
import { str, typeName } from '../describe.ts';
import { characters } from '../iterate.ts';
import { asText, type Item } from '../object.ts';
import { asNumber } from '../operators.ts';
import type { Runtime } from '../runtime.ts';

/** More digits than this are not formatted: the work grows with their square. */
const mostDigits = 1000;

interface Spec {
  readonly fill: string;
  readonly align: '<' | '>' | '=' | '^' | undefined;
  readonly sign: '+' | '-' | ' ';
  /** A zero has no sign, even if it was rounded from below. */
  readonly positive: boolean;
  readonly alternate: boolean;
  readonly width: number;
  readonly grouping: ',' | '_' | '';
  readonly precision: number | undefined;
  readonly type: string;
}

const pattern = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

function parse(text: string): Spec {
  const found = pattern.exec(text);
  if (found === null) throw new ExpressionError('Invalid format specifier');
  const [, fill, align, sign, positive, alternate, zero, width, grouping, precision, type] = found;
  const digits = precision === undefined ? undefined : Number(precision);
  if (digits !== undefined && digits > mostDigits) throw new ExpressionError('precision too big');
  return {
    fill: fill ?? (zero !== undefined && align === undefined ? '0' : ' '),
    align: (align ?? (zero === undefined ? undefined : '=')) as Spec['align'],
    sign: (sign ?? '-') as Spec['sign'],
    positive: positive !== undefined,
    alternate: alternate !== undefined,
    width: Number(width ?? 0),
    grouping: (grouping ?? '') as Spec['grouping'],
    precision: digits,
    type: type ?? '',
  };
}

/** Python's `format(value, text)`. @throws ExpressionError */
export function formatValue(item: Item, text: string, runtime: Runtime): string {
  if (text === '') return str(item, runtime);
  const known = asText(item);
  const number = asNumber(item);
  if (known === undefined && number === undefined) {
    str(item, runtime);
    throw new ExpressionError(`unsupported format string passed to ${typeName(item)}.__format__`);
  }
  const spec = parse(text);
  runtime.budget.characters(spec.width);
  if (known !== undefined) return formatText(known, spec);
  return isFloat(number) || 'eEfFgG%'.includes(spec.type || 'd')
    ? formatFloat(number as number | Float, spec)
    : formatInteger(BigInt(number as number | bigint), spec);
}

function formatText(text: string, spec: Spec): string {
  if (spec.type !== '' && spec.type !== 's') {
    throw new ExpressionError(`Unknown format code '${spec.type}' for object of type 'str'`);
  }
  if (spec.align === '=') throw new ExpressionError("'=' alignment not allowed in string format specifier");
  if (spec.sign !== '-') throw new ExpressionError('Sign not allowed in string format specifier');
  const all = characters(text);
  const cut = spec.precision === undefined ? all : all.slice(0, spec.precision);
  return pad('', typeof cut === 'string' ? cut : cut.join(''), spec, '<');
}

const bases: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16, d: 10, n: 10, '': 10 };

function formatInteger(value: bigint, spec: Spec): string {
  if (spec.positive) {
    throw new ExpressionError('Negative zero coercion (z) not allowed in integer format specifier');
  }
  if (spec.precision !== undefined)
    throw new ExpressionError('Precision not allowed in integer format specifier');
  if (spec.type === 'c') {
    if (value < 0n || value > 0x10ffffn) throw new ExpressionError('%c arg not in range(0x110000)');
    return pad('', String.fromCodePoint(Number(value)), spec, '>');
  }
  const base = Object.hasOwn(bases, spec.type) ? bases[spec.type] : undefined;
  if (base === undefined)
    throw new ExpressionError(`Unknown format code '${spec.type}' for object of type 'int'`);
  let digits = (value < 0n ? -value : value).toString(base);
  if (base === 10 && digits.length > 4300)
    throw new ExpressionError('an integer of more than 4300 digits cannot be written as text');
  if (spec.type === 'X') digits = digits.toUpperCase();
  const prefix = spec.alternate && base !== 10 ? `0${spec.type}` : '';
  return pad(signOf(value < 0n, spec) + prefix, digits, spec, '>', base === 10 ? 3 : 4);
}

function signOf(negative: boolean, spec: Spec): string {
  return negative ? '-' : spec.sign === '-' ? '' : spec.sign;
}

function formatFloat(number: number | bigint | Float, spec: Spec): string {
  const value = double(number);
  const digits = floatDigits(Math.abs(value), spec);
  const isZero = spec.positive && !/[1-9a-z]/i.test(digits);
  const negative = !isZero && (value < 0 || Object.is(value, -0));
  return pad(signOf(negative, spec), digits, spec, '>', Number.isFinite(value) ? 3 : 0);
}

function floatDigits(value: number, spec: Spec): string {
  const { type, precision } = spec;
  const upper = type === 'E' || type === 'F' || type === 'G';
  const cased = (text: string) => (upper ? text.toUpperCase() : text);
  if (!Number.isFinite(value)) return cased(floatText(value)) + (type === '%' ? '%' : '');
  switch (type.toLowerCase()) {
    case 'e':
      return cased(exponential(value, precision ?? 6));
    case 'f':
      return fixed(value, precision ?? 6);
    case '%':
      return `${fixed(value * 100, precision ?? 6)}%`;
    case 'g':
    case 'n':
      return cased(general(value, precision ?? 6, spec.alternate));
    case '': {
      if (precision === undefined) return floatText(value);
      const text = general(value, precision, false, 1);
      return /[.e]/.test(text) ? text : `${text}.0`;
    }
    default:
      throw new ExpressionError(`Unknown format code '${type}' for object of type 'float'`);
  }
}

/** Puts groups into the digits before the point, and fills up to the width. */
function pad(sign: string, body: string, spec: Spec, align: '<' | '>', group = 0): string {
  let digits = body;
  if (spec.grouping !== '' && group > 0) {
    const [, whole = '', rest = ''] =
      /^([0-9a-fA-F]*)(.*)$/s.exec(group === 3 ? splitWhole(body) : body) ?? [];
    const zeros = spec.fill === '0' && spec.align === '=' ? spec.width - sign.length - rest.length : 0;
    digits = grouped(whole, spec.grouping, group, zeros) + rest;
  }
  const missing = spec.width - [...sign, ...digits].length;
  if (missing <= 0) return sign + digits;
  const fill = (count: number) => spec.fill.repeat(count);
  switch (spec.align ?? align) {
    case '<':
      return sign + digits + fill(missing);
    case '>':
      return fill(missing) + sign + digits;
    case '=':
      return sign + fill(missing) + digits;
    default:
      return fill(Math.floor(missing / 2)) + sign + digits + fill(Math.ceil(missing / 2));
  }
}

/** Digits of a decimal only: the `e` of an exponent is no digit. */
function splitWhole(body: string): string {
  return body.replace(/^(\d*)(?=\D|$)/, '$1');
}

function grouped(whole: string, separator: string, size: number, width: number): string {
  let count = whole.length;
  while (count + Math.floor((count - 1) / size) < width) count++;
  const digits = whole.padStart(count, '0');
  const groups: string[] = [];
  for (let end = digits.length; end > 0; end -= size) groups.push(digits.slice(Math.max(0, end - size), end));
  return groups.reverse().join(separator);
}
