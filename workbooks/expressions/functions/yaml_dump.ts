import { ExpressionError } from '../language.ts';
import { Float, floatText } from '../python/float.ts';
import { compareText } from '../python/order.ts';
import { numberText } from '../python/repr.ts';
import { scalarText } from './yaml_scalar.ts';

/** Deeper than this nothing is written: an error, not an overflow of the stack. */
const deepest = 200;

/** More than this is not written, in characters. */
const longest = 16 * 1024 * 1024;

/** A key that is longer than this, or spans lines, does not stand before its colon in one line. */
const longestSimpleKey = 128;

/**
 * A value as PyYAML's `safe_dump` writes it in block style: keys sorted, lines of 80, ASCII only. Besides data it
 * takes integers beyond the safe ones (`bigint`) and `Float`.
 * @throws ExpressionError where the value is nested too deeply, is too long, or is no data
 */
export function dumpYaml(value: unknown): string {
  const document = new BlockDocument();
  document.write(value);
  return document.text();
}

class BlockDocument {
  #text = '';

  text(): string {
    return this.#text;
  }

  write(value: unknown): void {
    if (isBlock(value)) {
      this.#block(value, 0, 0, true);
      this.#put('\n');
      return;
    }
    const text = this.#scalar(value, 2, false);
    this.#put(`${text}\n`);
    // A plain text at the top would run on without a mark of its end.
    if (!/^["'[{]/.test(text)) this.#put('...\n');
  }

  #put(part: string): void {
    if (this.#text.length + part.length > longest) {
      throw new ExpressionError('the value is too long to be written as YAML');
    }
    this.#text += part;
  }

  #column(): number {
    return this.#text.length - (this.#text.lastIndexOf('\n') + 1);
  }

  #scalar(value: unknown, indent: number, simpleKey: boolean): string {
    if (value === null) return 'null';
    if (typeof value === 'boolean') return String(value);
    if (typeof value === 'string') return scalarText(value, { column: this.#column(), indent, simpleKey });
    if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Float)
      return yamlNumber(value);
    if (Array.isArray(value)) return '[]';
    if (typeof value === 'object') return '{}';
    throw new ExpressionError('the value cannot be written as YAML');
  }

  /** Writes a collection that is not empty; its first line continues the one that is open. */
  #block(value: readonly unknown[] | object, indent: number, depth: number, open: boolean): void {
    if (depth > deepest) throw new ExpressionError('the value is nested too deeply to be written as YAML');
    let first = open;
    const margin = (): void => {
      if (!first) this.#put(`\n${' '.repeat(indent)}`);
      first = false;
    };
    if (Array.isArray(value)) {
      for (const item of value) {
        margin();
        this.#put('-');
        if (isBlock(item)) {
          this.#put(' ');
          this.#block(item, indent + 2, depth + 1, true);
        } else this.#after(item, indent);
      }
      return;
    }
    for (const [key, item] of sorted(value)) {
      margin();
      const simple = this.#key(key, indent);
      if (!isBlock(item)) this.#after(item, indent);
      else if (!simple) {
        this.#put(' ');
        this.#block(item, indent + 2, depth + 1, true);
      } else this.#block(item, Array.isArray(item) ? indent : indent + 2, depth + 1, false);
    }
  }

  /** Whether the key stands before its colon in one line. */
  #key(key: string, indent: number): boolean {
    const simple = key !== '' && [...key].length < longestSimpleKey && !/[\n\x85\u2028\u2029]/.test(key);
    if (simple) this.#put(`${this.#scalar(key, indent + 2, true)}:`);
    else {
      this.#put('? ');
      this.#put(this.#scalar(key, indent + 2, false));
      this.#put(`\n${' '.repeat(indent)}:`);
    }
    return simple;
  }

  #after(value: unknown, indent: number): void {
    this.#put(' ');
    this.#put(this.#scalar(value, indent + 2, false));
  }
}

function isBlock(value: unknown): value is readonly unknown[] | object {
  if (Array.isArray(value)) return value.length > 0;
  return (
    typeof value === 'object' && value !== null && !(value instanceof Float) && Object.keys(value).length > 0
  );
}

/** By code points, as Python sorts. */
function sorted(dictionary: object): [string, unknown][] {
  return Object.entries(dictionary).sort(([left], [right]) => compareText(left, right));
}

function yamlNumber(value: number | bigint | Float): string {
  const double = value instanceof Float ? value.value : value;
  if (typeof double === 'number' && !Number.isFinite(double)) {
    return Number.isNaN(double) ? '.nan' : double < 0 ? '-.inf' : '.inf';
  }
  if (value instanceof Float || (typeof value === 'number' && !Number.isInteger(value))) {
    const text = floatText(value instanceof Float ? value.value : value);
    // PyYAML would not take `1e+16` for a number when it reads it.
    return text.includes('.') ? text : text.replace('e', '.0e');
  }
  return numberText(value);
}
