import { ExpressionError } from '../../language.ts';
import { truncate } from '../../python/arithmetic.ts';
import { type Float, isFloat, toDouble } from '../../python/float.ts';
import { isPrintable, textRepr } from '../../python/repr.ts';
import { Dict, List, Tuple } from '../containers.ts';
import { shown, str, typeName } from '../describe.ts';
import { asText, type Item } from '../object.ts';
import { asNumber } from '../operators.ts';
import type { Runtime } from '../runtime.ts';
import { Undefined } from '../undefined.ts';
import { formatValue } from './spec.ts';

const conversion = /%(?:\(([^()]*)\))?([-#0 +]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?(.)?/gsu;

interface Conversion {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly type: string;
}

/**
 * Python's `text % values`.
 * @param mark what a text goes through, in text that is marked as safe.
 * @throws ExpressionError
 */
export function percentFormat(
  format: string,
  values: Item,
  runtime: Runtime,
  mark?: (item: Item) => string,
): string {
  if (values instanceof Undefined && format.includes('%')) values.fail();
  const all = values instanceof Tuple ? values.items : [values];
  let used = 0;
  let usesNames = false;
  const take = (): Item => {
    const value = usesNames ? undefined : all[used++];
    if (value === undefined) throw new ExpressionError('not enough arguments for format string');
    return value;
  };
  const text = format.replace(
    conversion,
    (
      whole,
      key: string | undefined,
      flags: string,
      width: string | undefined,
      digits: string | undefined,
      type: string | undefined,
    ) => {
      if (type === undefined) throw new ExpressionError('incomplete format');
      if (type === '%' && whole === '%%') return '%';
      let from: () => Item = take;
      if (key !== undefined) {
        usesNames = true;
        from = () => named(values, key);
      }
      const givenWidth = width === '*' ? starred(take()) : Number(width ?? 0);
      const precision = digits === '*' ? starred(take()) : digits === undefined ? undefined : Number(digits);
      const hasPoint = /\.[hlL]?.$/su.test(whole) && digits === undefined;
      if (type === '%') {
        take();
        return '%';
      }
      const conversion: Conversion = {
        flags: givenWidth < 0 ? `${flags}-` : flags,
        width: Math.abs(givenWidth),
        precision: hasPoint ? 0 : precision,
        type,
      };
      if (conversion.width > 1e9 || (conversion.precision ?? 0) > 1000)
        throw new ExpressionError('width too big');
      runtime.budget.characters(conversion.width);
      const formatted = convert(from(), conversion, runtime, mark);
      runtime.budget.characters(formatted.length);
      return formatted;
    },
  );
  const isMapping = values instanceof Dict || values instanceof List;
  if (!usesNames && used < all.length && !(isMapping && used === 0)) {
    throw new ExpressionError('not all arguments converted during string formatting');
  }
  return text;
}

function named(values: Item, key: string): Item {
  if (!(values instanceof Dict)) throw new ExpressionError('format requires a mapping');
  const value = values.get(key);
  if (value === undefined) throw new ExpressionError(textRepr(key));
  return value;
}

function starred(item: Item): number {
  if (typeof item !== 'number' || isFloat(item)) throw new ExpressionError('* wants int');
  return item;
}

function convert(item: Item, to: Conversion, runtime: Runtime, mark?: (item: Item) => string): string {
  const { type, flags } = to;
  const align = flags.includes('-') ? '<' : '>';
  const filled = (text: string) => {
    const cut = to.precision === undefined ? text : [...text].slice(0, to.precision).join('');
    const missing = Math.max(0, to.width - [...cut].length);
    return align === '<' ? cut + ' '.repeat(missing) : ' '.repeat(missing) + cut;
  };
  switch (type) {
    case 's':
      return filled(mark === undefined ? str(item, runtime) : mark(item));
    case 'r':
      return filled(shown(item, runtime));
    case 'a':
      return filled(ascii(shown(item, runtime)));
    case 'c':
      return filled(character(item));
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return integral(item, to, align, runtime);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      const number = numberOf(item, 'must be real number, not ');
      const zeros = flags.includes('0') && align === '>' ? '0' : '';
      const precision = to.precision ?? 6;
      const alternate = flags.includes('#') ? '#' : '';
      const spec = `${zeros === '' ? align : ''}${sign(flags)}${alternate}${zeros}${to.width || ''}.${precision}${type}`;
      return formatValue(number, spec, runtime);
    }
    default:
      throw new ExpressionError(`unsupported format character '${isPrintable(type) ? type : '?'}'`);
  }
}

function sign(flags: string): string {
  return flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
}

function integral(item: Item, to: Conversion, align: '<' | '>', runtime: Runtime): string {
  const isDecimal = 'diu'.includes(to.type);
  const expected = isDecimal ? 'a real number' : 'an integer';
  const number = numberOf(item, `%${to.type} format: ${expected} is required, not `);
  if (isFloat(number) && !isDecimal) {
    throw new ExpressionError(`%${to.type} format: an integer is required, not float`);
  }
  const value = isFloat(number) ? truncate(toDouble(number)) : number;
  const magnitude = BigInt(value as number | bigint);
  const type = isDecimal ? 'd' : to.type;
  let digits = formatValue(magnitude < 0n ? -magnitude : magnitude, type, runtime).padStart(
    to.precision ?? 0,
    '0',
  );
  const prefix = to.flags.includes('#') && !isDecimal ? `0${to.type}` : '';
  const lead = (magnitude < 0n ? '-' : sign(to.flags)) + prefix;
  if (to.flags.includes('0') && align === '>' && to.precision === undefined) {
    digits = digits.padStart(to.width - lead.length, '0');
  }
  const text = lead + digits;
  return align === '<' ? text.padEnd(to.width) : text.padStart(to.width);
}

function numberOf(item: Item, message: string): number | bigint | Float {
  if (item instanceof Undefined) return item.fail();
  const number = asNumber(item);
  if (number === undefined) throw new ExpressionError(message + typeName(item));
  return number;
}

function character(item: Item): string {
  const text = asText(item);
  if (text !== undefined && [...text].length === 1) return text;
  const code = asNumber(item);
  if (text !== undefined || code === undefined || isFloat(code)) {
    throw new ExpressionError('%c requires int or char');
  }
  if (code < 0 || code > 0x10ffff) throw new ExpressionError('%c arg not in range(0x110000)');
  return String.fromCodePoint(Number(code));
}

/** What is beyond ASCII as escapes. */
export function ascii(text: string): string {
  let written = '';
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    if (code < 0x80) written += character;
    else if (code <= 0xff) written += `\\x${hex.padStart(2, '0')}`;
    else written += code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  }
  return written;
}
