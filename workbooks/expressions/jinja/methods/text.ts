import { ExpressionError } from '../../language.ts';
import { isPrintable } from '../../python/repr.ts';
import { isSpace } from '../../python/space.ts';
import {
  capitalize,
  center,
  expandTabs,
  isLower,
  isTitle,
  isUpper,
  replace,
  splitAt,
  splitAtFromEnd,
  splitLines,
  splitSpace,
  splitSpaceFromEnd,
  strip,
  swapCase,
  title,
} from '../../python/text.ts';
import { getItem } from '../attributes.ts';
import { List, Tuple } from '../containers.ts';
import { str, truth, typeName } from '../describe.ts';
import { asHtml } from '../escape.ts';
import { braceFormat } from '../format/braces.ts';
import { stripTags, unescapeHtml } from '../html.ts';
import { characters, elementBytes, iterate, length } from '../iterate.ts';
import { asText, type Item, Markup } from '../object.ts';
import { asInteger } from '../operators.ts';
import type { Runtime } from '../runtime.ts';
import { type Operation, operation } from '../signature.ts';

type Run = (text: string, runtime: Runtime, ...given: (Item | undefined)[]) => Item;

/** A method: what it reads is accounted for, and so is what it gives. */
function method(name: string, takes: string, run: Run): [string, Operation] {
  const checked = operation(name, takes, (runtime, value, ...given) => {
    const text = asText(value) ?? '';
    runtime.budget.step(text.length / 1024);
    const result = run(text, runtime, ...given);
    if (typeof result === 'string') runtime.budget.characters(result.length);
    return result;
  });
  return [name, checked];
}

function texts(parts: readonly string[], runtime: Runtime): List {
  runtime.budget.build(parts.length * elementBytes);
  runtime.budget.step(parts.length / 16);
  return new List([...parts]);
}

function textOf(item: Item | undefined, what = 'argument'): string {
  const text = asText(item ?? null);
  if (text === undefined) throw new ExpressionError(`${what} must be str, not ${typeName(item ?? null)}`);
  return text;
}

function count(item: Item | undefined, otherwise: number): number {
  if (item === undefined) return otherwise;
  const number = asInteger(item);
  if (number === undefined) {
    throw new ExpressionError(`'${typeName(item)}' object cannot be interpreted as an integer`);
  }
  return Math.min(Math.max(Number(number), -(2 ** 53)), 2 ** 53);
}

function every(pattern: RegExp): Run {
  return (text) => text !== '' && pattern.test(text);
}

function split(fromEnd: boolean): Run {
  return (text, runtime, separator = null, most) => {
    const limit = count(most, -1);
    if (separator === null) return texts((fromEnd ? splitSpaceFromEnd : splitSpace)(text, limit), runtime);
    const at = textOf(separator);
    if (at === '') throw new ExpressionError('empty separator');
    runtime.budget.search(text.length, at.length);
    return texts((fromEnd ? splitAtFromEnd : splitAt)(text, at, limit), runtime);
  };
}

function partition(fromEnd: boolean): Run {
  return (text, runtime, separator) => {
    const at = textOf(separator);
    if (at === '') throw new ExpressionError('empty separator');
    runtime.budget.search(text.length, at.length);
    const index = fromEnd ? text.lastIndexOf(at) : text.indexOf(at);
    if (index < 0) return new Tuple(fromEnd ? ['', '', text] : [text, '', '']);
    return new Tuple([text.slice(0, index), at, text.slice(index + at.length)]);
  };
}

/** The part of a text between two indices, and where it begins; none if that is behind the end. */
function part(text: string, start: Item | undefined, stop: Item | undefined): [string, number] | undefined {
  const all = characters(text);
  const place = (item: Item | undefined, otherwise: number) => {
    const index = item === null ? otherwise : count(item, otherwise);
    return Math.max(index < 0 ? index + all.length : index, 0);
  };
  const from = place(start, 0);
  const to = Math.min(place(stop, all.length), all.length);
  if (from > all.length || to < from) return undefined;
  return [typeof all === 'string' ? all.slice(from, to) : all.slice(from, to).join(''), from];
}

function find(fromEnd: boolean, fails: boolean): Run {
  return (text, runtime, sought, start, stop) => {
    const wanted = textOf(sought);
    const within = part(text, start, stop);
    runtime.budget.search(text.length, wanted.length);
    const at =
      within === undefined ? -1 : fromEnd ? within[0].lastIndexOf(wanted) : within[0].indexOf(wanted);
    if (within !== undefined && at >= 0) return within[1] + length(within[0].slice(0, at));
    if (fails) throw new ExpressionError('substring not found');
    return -1;
  };
}

function ends(how: 'startsWith' | 'endsWith'): Run {
  return (text, runtime, sought = null, start, stop) => {
    const within = part(text, start, stop);
    const wanted = sought instanceof Tuple ? sought.items : [sought];
    return wanted.some((one) => {
      const name = how.toLowerCase();
      const affix = asText(one);
      if (affix === undefined) {
        throw new ExpressionError(`${name} first arg must be str or a tuple of str, not ${typeName(one)}`);
      }
      runtime.budget.step(affix.length / 1024);
      return within?.[0][how](affix) ?? false;
    });
  };
}

function justify(put: (text: string, missing: string) => string): Run {
  return (text, runtime, width, fill = ' ') => {
    const missing = Math.max(0, count(width, 0) - length(text));
    runtime.budget.characters(missing);
    return put(text, filler(fill).repeat(missing));
  };
}

function filler(fill: Item): string {
  const text = textOf(fill, 'the fill character');
  if (length(text) !== 1) throw new ExpressionError('The fill character must be exactly one character long');
  return text;
}

function stripped(from: 'both' | 'start' | 'end'): Run {
  return (text, _, taken = null) => strip(text, taken === null ? undefined : textOf(taken), from);
}

/** Text put together of parts; each has to be one. */
function join(text: string, runtime: Runtime, values: Item | undefined): string {
  const parts: string[] = [];
  for (const item of iterate(values ?? null, runtime)) {
    const one = asText(item);
    if (one === undefined) {
      throw new ExpressionError(
        `sequence item ${parts.length}: expected str instance, ${typeName(item)} found`,
      );
    }
    runtime.budget.characters(one.length + text.length);
    parts.push(one);
  }
  return parts.join(text);
}

function replaced(
  text: string,
  runtime: Runtime,
  old: Item | undefined,
  by: Item | undefined,
  most?: Item,
): string {
  const [from, to] = [textOf(old), textOf(by)];
  runtime.budget.search(text.length, from.length);
  const places = from === '' ? text.length + 1 : from === to ? 0 : occurrences(text, from);
  const limit = count(most, -1);
  runtime.budget.characters((limit < 0 ? places : Math.min(limit, places)) * to.length);
  return replace(text, from, to, limit);
}

function occurrences(text: string, sought: string): number {
  if (sought === '') return length(text) + 1;
  let found = 0;
  for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) found++;
  return found;
}

/** The methods of a text. */
export const textMethods: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  method('capitalize', '', capitalize),
  method('casefold', '', (text) =>
    text.replaceAll('ß', 'ss').replaceAll('ẞ', 'ss').toLowerCase().replaceAll('ς', 'σ'),
  ),
  method('center', 'width / fillchar', (text, runtime, width, fill = ' ') => {
    runtime.budget.characters(Math.max(0, count(width, 0)));
    return center(text, length(text), count(width, 0), filler(fill));
  }),
  method('count', 'sub / start end', (text, runtime, sought, start, stop) => {
    const wanted = textOf(sought);
    runtime.budget.search(text.length, wanted.length);
    const within = part(text, start, stop);
    return within === undefined ? 0 : occurrences(within[0], wanted);
  }),
  method('endswith', 'suffix / start end', ends('endsWith')),
  method('expandtabs', '/ tabsize', (text, runtime, size) => {
    runtime.budget.characters(occurrences(text, '\t') * Math.max(0, count(size, 8)));
    return expandTabs(text, count(size, 8));
  }),
  method('find', 'sub / start end', find(false, false)),
  [
    'format',
    (runtime, value, given, named) =>
      braceFormat(asText(value) ?? '', { given, named: (name) => named.get(name) }, runtime),
  ],
  method('format_map', 'mapping', (text, runtime, mapping = null) => {
    return braceFormat(text, { given: [], named: (name) => getItem(mapping, name, runtime) }, runtime);
  }),
  method('index', 'sub / start end', find(false, true)),
  method('isalnum', '', every(/^[\p{L}\p{N}]+$/u)),
  method('isalpha', '', every(/^\p{L}+$/u)),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has them.
  method('isascii', '', (text) => /^[\x00-\x7f]*$/.test(text)),
  method('isdecimal', '', every(/^\p{Nd}+$/u)),
  method('isdigit', '', every(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐]+$/u)),
  method('isidentifier', '', every(/^[\p{ID_Start}_]\p{ID_Continue}*$/u)),
  method('islower', '', isLower),
  method('isnumeric', '', every(/^\p{N}+$/u)),
  method('isprintable', '', (text) => [...text].every(isPrintable)),
  method('isspace', '', (text) => text !== '' && [...text].every(isSpace)),
  method('istitle', '', isTitle),
  method('isupper', '', isUpper),
  method('join', 'iterable', (text, runtime, values) => join(text, runtime, values)),
  method(
    'ljust',
    'width / fillchar',
    justify((text, missing) => text + missing),
  ),
  method('lower', '', (text) => text.toLowerCase()),
  method('lstrip', '/ chars', stripped('start')),
  method('partition', 'sep', partition(false)),
  method('removeprefix', 'prefix', (text, _, prefix) =>
    text.startsWith(textOf(prefix)) ? text.slice(textOf(prefix).length) : text,
  ),
  method('removesuffix', 'suffix', (text, _, suffix) =>
    textOf(suffix) !== '' && text.endsWith(textOf(suffix)) ? text.slice(0, -textOf(suffix).length) : text,
  ),
  method('replace', 'old new / count', replaced),
  method('rfind', 'sub / start end', find(true, false)),
  method('rindex', 'sub / start end', find(true, true)),
  method(
    'rjust',
    'width / fillchar',
    justify((text, missing) => missing + text),
  ),
  method('rpartition', 'sep', partition(true)),
  method('rsplit', '/ sep maxsplit', split(true)),
  method('rstrip', '/ chars', stripped('end')),
  method('split', '/ sep maxsplit', split(false)),
  method('splitlines', '/ keepends', (text, runtime, keep = false) =>
    texts(splitLines(text, truth(keep)), runtime),
  ),
  method('startswith', 'prefix / start end', ends('startsWith')),
  method('strip', '/ chars', stripped('both')),
  method('swapcase', '', swapCase),
  method('title', '', title),
  method('upper', '', (text) => text.toUpperCase()),
  method('zfill', 'width', (text, runtime, width) => {
    const missing = Math.max(0, count(width, 0) - length(text));
    runtime.budget.characters(missing);
    const sign = text.startsWith('-') || text.startsWith('+') ? text.slice(0, 1) : '';
    return sign + '0'.repeat(missing) + text.slice(sign.length);
  }),
]);

/** Of a text marked as safe: what is put into it is escaped, and what comes out of it is marked. */
export const markupMethods: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ...[...textMethods].map(([name, run]): [string, Operation] => [name, marking(run)]),
  ['striptags', (runtime, value) => stripTags(str(value, runtime))],
  ['unescape', (runtime, value) => unescapeHtml(str(value, runtime))],
]);

function marking(run: Operation): Operation {
  return (runtime, value, given, named) => {
    const escaped = (item: Item): Item => (typeof item === 'string' ? asHtml(item, runtime) : item);
    const names = new Map([...named].map(([name, item]) => [name, escaped(item)]));
    const result = run(runtime, value, given.map(escaped), names);
    if (typeof result === 'string') return new Markup(result);
    if (result instanceof List) return new List(result.items.map(marked));
    return result instanceof Tuple ? new Tuple(result.items.map(marked)) : result;
  };
}

function marked(item: Item): Item {
  return typeof item === 'string' ? new Markup(item) : item;
}
