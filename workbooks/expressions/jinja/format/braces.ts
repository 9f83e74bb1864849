import { ExpressionError } from '../../language.ts';
import { getAttribute, getItem } from '../attributes.ts';
import { shown, str } from '../describe.ts';
import type { Item } from '../object.ts';
import type { Runtime } from '../runtime.ts';
import { ascii } from './percent.ts';
import { formatValue } from './spec.ts';

/** What the names in the braces stand for. */
export interface FormatValues {
  readonly given: readonly Item[];
  named(name: string): Item | undefined;
}

/** Python's `text.format(…)`; attributes and items are looked up as in an expression, by the rules of the sandbox. */
export function braceFormat(format: string, values: FormatValues, runtime: Runtime): string {
  return new BraceFormatter(values, runtime).format(format, 2);
}

class BraceFormatter {
  readonly #values: FormatValues;
  readonly #runtime: Runtime;
  /** The number of the next `{}`; undefined once a field had a number of its own. */
  #next: number | undefined = 0;

  constructor(values: FormatValues, runtime: Runtime) {
    this.#values = values;
    this.#runtime = runtime;
  }

  format(format: string, depth: number): string {
    if (depth < 0) throw new ExpressionError('Max string recursion exceeded');
    let text = '';
    let index = 0;
    while (index < format.length) {
      const character = format[index] as string;
      if ((character === '{' || character === '}') && format[index + 1] === character) {
        text += character;
        index += 2;
      } else if (character === '}') {
        throw new ExpressionError("Single '}' encountered in format string");
      } else if (character === '{') {
        const end = endOfField(format, index + 1);
        text += this.#field(format.slice(index + 1, end), depth);
        index = end + 1;
      } else {
        text += character;
        index++;
      }
    }
    this.#runtime.budget.characters(text.length);
    return text;
  }

  #field(field: string, depth: number): string {
    const [, name = '', conversion, spec = ''] = split(field);
    const value = this.#converted(this.#lookUp(name), conversion);
    return formatValue(value, this.format(spec, depth - 1), this.#runtime);
  }

  #converted(value: Item, conversion: string | undefined): Item {
    switch (conversion) {
      case undefined:
        return value;
      case 's':
        return str(value, this.#runtime);
      case 'r':
        return shown(value, this.#runtime);
      case 'a':
        return ascii(shown(value, this.#runtime));
      default:
        throw new ExpressionError(`Unknown conversion specifier ${conversion}`);
    }
  }

  #lookUp(name: string): Item {
    const [first = ''] = /^[^.[]*/.exec(name) ?? [];
    let value = this.#first(first);
    let rest = name.slice(first.length);
    while (rest !== '') {
      const part = /^\.([^.[]+)|^\[([^\]]+)\]/.exec(rest);
      if (part === null) throw new ExpressionError('Empty attribute in format string');
      const [whole, attribute, key = ''] = part;
      if (attribute !== undefined) value = getAttribute(value, attribute, this.#runtime);
      else value = getItem(value, /^\d+$/.test(key) ? Number(key) : key, this.#runtime);
      rest = rest.slice(whole.length);
    }
    return value;
  }

  #first(name: string): Item {
    if (name !== '' && !/^\d+$/.test(name)) {
      const value = this.#values.named(name);
      if (value === undefined) throw new ExpressionError(`'${name}'`);
      return value;
    }
    if (name === '' ? this.#next === undefined : this.#next !== undefined && this.#next > 0) {
      throw new ExpressionError('cannot switch from manual field specification to automatic field numbering');
    }
    const index = name === '' ? (this.#next ?? 0) : Number(name);
    this.#next = name === '' ? index + 1 : undefined;
    const value = this.#values.given[index];
    if (value === undefined) throw new ExpressionError('tuple index out of range');
    return value;
  }
}

/** The index of the `}` that ends a field. */
function endOfField(format: string, from: number): number {
  let open = 1;
  for (let index = from; index < format.length; index++) {
    if (format[index] === '{') open++;
    else if (format[index] === '}' && --open === 0) return index;
  }
  throw new ExpressionError(
    from === format.length ? "Single '{' encountered in format string" : "expected '}' before end of string",
  );
}

function split(field: string): readonly (string | undefined)[] {
  let index = 0;
  let inKey = false;
  for (; index < field.length; index++) {
    const character = field[index];
    if (character === '[') inKey = true;
    else if (character === ']') inKey = false;
    else if (!inKey && (character === '!' || character === ':')) break;
    else if (character === '{') throw new ExpressionError("unexpected '{' in field name");
  }
  const name = field.slice(0, index);
  if (field[index] !== '!') return [field, name, undefined, field.slice(index + 1)];
  const conversion = field[index + 1];
  if (conversion === undefined)
    throw new ExpressionError('end of string while looking for conversion specifier');
  if (index + 2 < field.length && field[index + 2] !== ':') {
    throw new ExpressionError("expected ':' after conversion specifier");
  }
  return [field, name, conversion, field.slice(index + 3)];
}
