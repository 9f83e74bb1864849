import { ExpressionError } from '../language.ts';
import { Float, floatText } from '../python/float.ts';
import { numberText } from '../python/repr.ts';

/** Deeper than this nothing is written: an error, not an overflow of the stack. */
const deepest = 200;

/** More than this is not written, in characters. */
const longest = 16 * 1024 * 1024;

/**
 * A value as Python's `json.dumps(…, indent=4)` writes it: ASCII only, `", "` at the end of no line, floats with their
 * point. Besides data it takes integers beyond the safe ones (`bigint`) and `Float`.
 * @throws ExpressionError where the value is nested too deeply, is too long, or is no data
 */
export function dumpJson(value: unknown): string {
  const lines = new JsonLines();
  lines.write(value, 0);
  return lines.text();
}

class JsonLines {
  readonly #parts: string[] = [];
  #length = 0;

  text(): string {
    return this.#parts.join('');
  }

  #put(part: string): void {
    this.#length += part.length;
    if (this.#length > longest) throw new ExpressionError('the value is too long to be written as JSON');
    this.#parts.push(part);
  }

  write(value: unknown, depth: number): void {
    if (depth > deepest) throw new ExpressionError('the value is nested too deeply to be written as JSON');
    if (value === null) this.#put('null');
    else if (typeof value === 'boolean') this.#put(String(value));
    else if (typeof value === 'string') this.#put(jsonText(value));
    else if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Float) {
      this.#put(jsonNumber(value));
    } else if (Array.isArray(value)) this.#list(value, depth);
    else if (typeof value === 'object') this.#dictionary(value, depth);
    else throw new ExpressionError('the value cannot be written as JSON');
  }

  #list(items: readonly unknown[], depth: number): void {
    if (items.length === 0) {
      this.#put('[]');
      return;
    }
    const margin = `\n${' '.repeat(4 * (depth + 1))}`;
    items.forEach((item, index) => {
      this.#put(`${index === 0 ? '[' : ','}${margin}`);
      this.write(item, depth + 1);
    });
    this.#put(`\n${' '.repeat(4 * depth)}]`);
  }

  #dictionary(dictionary: object, depth: number): void {
    const entries = Object.entries(dictionary);
    if (entries.length === 0) {
      this.#put('{}');
      return;
    }
    const margin = `\n${' '.repeat(4 * (depth + 1))}`;
    entries.forEach(([key, value], index) => {
      this.#put(`${index === 0 ? '{' : ','}${margin}${jsonText(key)}: `);
      this.write(value, depth + 1);
    });
    this.#put(`\n${' '.repeat(4 * depth)}}`);
  }
}

function jsonNumber(value: number | bigint | Float): string {
  const double = value instanceof Float ? value.value : value;
  if (typeof double === 'number' && !Number.isFinite(double)) {
    return Number.isNaN(double) ? 'NaN' : double < 0 ? '-Infinity' : 'Infinity';
  }
  return value instanceof Float ? floatText(value.value) : numberText(value);
}

const special: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** Everything but printable ASCII is escaped, by UTF-16 units. */
function jsonText(text: string): string {
  const escaped = text.replace(
    /["\\]|[^ -~]/g,
    (unit) => special[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}
