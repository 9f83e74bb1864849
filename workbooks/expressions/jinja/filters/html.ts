import { ExpressionError } from '../../language.ts';
import { type Float, isFloat, toDouble } from '../../python/float.ts';
import { numberText } from '../../python/repr.ts';
import { onlyAttribute } from '../attributes.ts';
import { sorted } from '../compare.ts';
import { Dict, List, Tuple } from '../containers.ts';
import { str, truth, typeName } from '../describe.ts';
import { asHtml, escapeText } from '../escape.ts';
import { stripTags } from '../html.ts';
import { asText, type Item, Markup, Thing } from '../object.ts';
import { asInteger } from '../operators.ts';
import type { Runtime } from '../runtime.ts';
import { type Operation, operation } from '../signature.ts';
import { Undefined } from '../undefined.ts';
import { urlize } from './urlize.ts';

function attributes(runtime: Runtime, value: Item, autospace: Item): Item {
  if (value instanceof Undefined) return value.fail();
  if (!(value instanceof Dict))
    throw new ExpressionError(`'${typeName(value)}' object has no attribute 'items'`);
  const parts: string[] = [];
  for (const [key, item] of value.entries()) {
    if (item === null || item instanceof Undefined) continue;
    const name = asText(key);
    if (name === undefined) throw new ExpressionError('expected string or bytes-like object');
    if (/[\t-\r /=>]/.test(name)) throw new ExpressionError('Invalid character in attribute name');
    parts.push(`${asHtml(key, runtime)}="${asHtml(item, runtime)}"`);
  }
  const text = (truth(autospace) && parts.length > 0 ? ' ' : '') + parts.join(' ');
  return runtime.autoescape ? new Markup(text) : text;
}

/** As Python's `json.dumps` writes a value: keys in order, and nothing beyond ASCII. */
class JsonWriter {
  readonly #runtime: Runtime;
  readonly #indent: string | undefined;

  constructor(runtime: Runtime, indent: string | undefined) {
    this.#runtime = runtime;
    this.#indent = indent;
  }

  write(item: Item, depth = 0): string {
    this.#runtime.budget.step();
    this.#runtime.budget.depth(depth);
    const text = this.#written(item, depth);
    this.#runtime.budget.characters(text.length);
    return text;
  }

  #written(item: Item, depth: number): string {
    const text = asText(item);
    if (text !== undefined) return quote(text);
    if (item === null) return 'null';
    if (typeof item === 'boolean') return String(item);
    if (item instanceof List || item instanceof Tuple) {
      return this.#enclose(
        '[',
        ']',
        item.items.map((part) => this.write(part, depth + 1)),
        depth,
      );
    }
    if (item instanceof Dict) {
      const entries = sorted([...item.entries()], ([key]) => key, false, this.#runtime);
      const parts = entries.map(([key, value]) => `${this.#key(key)}: ${this.write(value, depth + 1)}`);
      return this.#enclose('{', '}', parts, depth);
    }
    if (item instanceof Thing)
      throw new ExpressionError(`Object of type ${typeName(item)} is not JSON serializable`);
    return number(item as number | bigint | Float);
  }

  #key(key: Item): string {
    if (key instanceof Thing && !(key instanceof Markup)) {
      throw new ExpressionError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
    }
    const text = asText(key);
    return quote(text ?? this.write(key));
  }

  #enclose(begin: string, end: string, parts: readonly string[], depth: number): string {
    if (this.#indent === undefined || parts.length === 0) return begin + parts.join(', ') + end;
    this.#runtime.budget.characters(this.#indent.length * (depth + 1) * parts.length);
    const line = `\n${this.#indent.repeat(depth + 1)}`;
    return `${begin}${line}${parts.join(`,${line}`)}\n${this.#indent.repeat(depth)}${end}`;
  }
}

function number(item: number | bigint | Float): string {
  if (!isFloat(item) || Number.isFinite(toDouble(item))) return numberText(item);
  const value = toDouble(item);
  return Number.isNaN(value) ? 'NaN' : value < 0 ? '-Infinity' : 'Infinity';
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function toJson(runtime: Runtime, value: Item, indent: Item): Item {
  const width = asInteger(indent);
  const by =
    indent === null
      ? undefined
      : (asText(indent) ?? ' '.repeat(Math.min(Math.max(0, Number(width ?? 0)), 100)));
  if (value instanceof Undefined) {
    throw new ExpressionError('Object of type StrictUndefined is not JSON serializable');
  }
  const text = new JsonWriter(runtime, by)
    .write(value)
    .replaceAll('<', '\\u003c')
    .replaceAll('>', '\\u003e')
    .replaceAll('&', '\\u0026')
    .replaceAll("'", '\\u0027');
  return new Markup(text);
}

const toMarkup: Operation = operation('escape', '', (runtime, value) => new Markup(asHtml(value, runtime)));

/** Filters for HTML and JSON, and the two that say what a value is when nothing else does. */
export const htmlFilters: readonly (readonly [string, Operation])[] = [
  ['e', toMarkup],
  ['escape', toMarkup],
  [
    'forceescape',
    operation('do_forceescape', '', (runtime, value) => new Markup(escapeText(str(value, runtime), runtime))),
  ],
  ['safe', operation('do_mark_safe', '', (runtime, value) => new Markup(str(value, runtime)))],
  ['striptags', operation('do_striptags', '', (runtime, value) => stripTags(str(value, runtime)))],
  [
    'xmlattr',
    operation('do_xmlattr', '/ autospace', (runtime, value, space = true) =>
      attributes(runtime, value, space),
    ),
  ],
  [
    'tojson',
    operation('do_tojson', '/ indent', (runtime, value, indent = null) => toJson(runtime, value, indent)),
  ],
  ['urlize', operation('do_urlize', '/ trim_url_limit nofollow target rel extra_schemes', urlize)],
  [
    'attr',
    operation('do_attr', 'name', (runtime, value, name = null) => {
      const text = asText(name);
      if (text === undefined)
        throw new ExpressionError(`attribute name must be string, not '${typeName(name)}'`);
      return onlyAttribute(value, text, runtime);
    }),
  ],
  ...(['default', 'd'] as const).map(
    (name) =>
      [
        name,
        operation('do_default', '/ default_value boolean', (_, value, otherwise = '', boolean = false) =>
          value instanceof Undefined || (truth(boolean) && !truth(value)) ? otherwise : value,
        ),
      ] as const,
  ),
];
