import { ExpressionError } from '../../language.ts';
import { capitalize, center, replace, splitLines, strip } from '../../python/text.ts';
import { Dict, Tuple } from '../containers.ts';
import { str, truth, typeName } from '../describe.ts';
import { asHtml } from '../escape.ts';
import { percentFormat } from '../format/percent.ts';
import { collect, isIterable, length, substring } from '../iterate.ts';
import { textMethods } from '../methods/text.ts';
import { asText, type Item, Markup } from '../object.ts';
import { asInteger, binary } from '../operators.ts';
import type { Runtime } from '../runtime.ts';
import { type Operation, operation } from '../signature.ts';
import { Undefined } from '../undefined.ts';
import { pretty } from './pretty.ts';
import { wrap } from './wrap.ts';

/** A filter of a text: whatever it is used on becomes text first, and what is marked as safe stays so. */
function textual(
  name: string,
  takes: string,
  run: (text: string, runtime: Runtime, ...given: (Item | undefined)[]) => string,
): [string, Operation] {
  return [
    name,
    operation(`do_${name}`, takes, (runtime, value, ...given) => {
      const text = run(str(value, runtime), runtime, ...given);
      runtime.budget.characters(text.length);
      return value instanceof Markup ? new Markup(text) : text;
    }),
  ];
}

/** A text as it is; nothing else will do. */
function onlyText(value: Item): string {
  if (value instanceof Undefined) return value.fail();
  const text = asText(value);
  if (text === undefined) throw new ExpressionError(`expected a text, not ${typeName(value)}`);
  return text;
}

function integerOf(item: Item): number {
  const number = asInteger(item);
  if (number === undefined) {
    throw new ExpressionError(`'${typeName(item)}' object cannot be interpreted as an integer`);
  }
  return Number(number);
}

function indent(value: Item, runtime: Runtime, width: Item, first: boolean, blank: boolean): string {
  const text = onlyText(value);
  const by = asText(width) ?? binary('*', ' ', width, runtime);
  const indention = asText(by) ?? '';
  const lines = splitLines(`${text}\n`);
  runtime.budget.characters(lines.length * (indention.length + 1));
  const rest = lines.slice(1).map((line) => (blank || line !== '' ? indention + line : line));
  return (first ? indention : '') + [lines[0] ?? '', ...rest].join('\n');
}

function truncate(value: Item, most: Item, killWords: boolean, end: string, leeway: Item): string {
  const text = onlyText(value);
  const [limit, spare, ending] = [integerOf(most), leeway === null ? 5 : integerOf(leeway), length(end)];
  if (limit < ending) throw new ExpressionError(`expected length >= ${ending}, got ${limit}`);
  if (spare < 0) throw new ExpressionError(`expected leeway >= 0, got ${spare}`);
  if (length(text) <= limit + spare) return text;
  const cut = substring(text, 0, limit - ending);
  const space = cut.lastIndexOf(' ');
  return (killWords || space < 0 ? cut : cut.slice(0, space)) + end;
}

function capitalizedWords(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .filter((part) => part !== '')
    .map((part) => {
      const [first = ''] = part;
      return first.toUpperCase() + part.slice(first.length).toLowerCase();
    })
    .join('');
}

const unreserved = /[A-Za-z0-9_.~-]/;

function quoted(item: Item, runtime: Runtime, inQuery: boolean): string {
  let text = '';
  for (const character of str(item, runtime)) {
    if (unreserved.test(character) || (character === '/' && !inQuery)) text += character;
    else if (character === ' ' && inQuery) text += '+';
    else text += percentEncoded(character);
  }
  runtime.budget.characters(text.length);
  return text;
}

function percentEncoded(character: string): string {
  if (/[!'()*]/.test(character)) return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  if (/^[\ud800-\udfff]$/.test(character)) throw new ExpressionError('surrogates not allowed in UTF-8');
  return encodeURIComponent(character);
}

function urlencode(runtime: Runtime, value: Item): string {
  if (asText(value) !== undefined || !isIterable(value, runtime)) return quoted(value, runtime, false);
  const pairs =
    value instanceof Dict ? [...value.entries()].map((pair) => new Tuple(pair)) : collect(value, runtime);
  return pairs
    .map((pair) => {
      const parts = collect(pair, runtime);
      if (parts.length !== 2)
        throw new ExpressionError(`not enough or too many values to unpack (expected 2)`);
      return parts.map((part) => quoted(part, runtime, true)).join('=');
    })
    .join('&');
}

function format(
  runtime: Runtime,
  value: Item,
  given: readonly Item[],
  named: ReadonlyMap<string, Item>,
): Item {
  if (given.length > 0 && named.size > 0) {
    throw new ExpressionError("can't handle positional and keyword arguments at the same time");
  }
  const values = named.size > 0 ? Dict.of(named) : new Tuple(given);
  const text = percentFormat(
    str(value, runtime),
    values,
    runtime,
    value instanceof Markup ? (item) => asHtml(item, runtime) : undefined,
  );
  return value instanceof Markup ? new Markup(text) : text;
}

/** The length of the longest word: breaking it takes time that grows with its square. */
function longestWord(text: string): number {
  let longest = 0;
  for (const { 0: word } of text.matchAll(/[^\t-\r ]+/g)) longest = Math.max(longest, word.length);
  return longest;
}

/** Filters of texts. */
export const textFilters: readonly (readonly [string, Operation])[] = [
  textual('capitalize', '', capitalize),
  textual('center', '/ width', (text, runtime, width = 80) => {
    runtime.budget.characters(Math.max(0, integerOf(width)));
    return center(text, length(text), integerOf(width));
  }),
  ['format', format],
  [
    'indent',
    operation(
      'do_indent',
      '/ width first blank',
      (runtime, value, width = 4, first = false, blank = false) => {
        const text = indent(value, runtime, width, truth(first), truth(blank));
        return value instanceof Markup ? new Markup(text) : text;
      },
    ),
  ],
  textual('lower', '', (text) => text.toLowerCase()),
  ['pprint', operation('do_pprint', '', (runtime, value) => pretty(value, runtime))],
  [
    'replace',
    operation('do_replace', 'old new / count', (runtime, value, old = null, by = null, count = null) => {
      const given = [str(old, runtime), str(by, runtime), count === null ? -1 : count];
      if (!runtime.autoescape) {
        return textMethods.get('replace')?.(runtime, str(value, runtime), given, new Map()) ?? '';
      }
      const isSafe = old instanceof Markup || (by instanceof Markup && !(value instanceof Markup));
      const text = isSafe ? asHtml(value, runtime) : str(value, runtime);
      const from = str(old, runtime);
      const to = isSafe || value instanceof Markup ? asHtml(by, runtime) : str(by, runtime);
      const replaced = replace(text, from, to, count === null ? -1 : integerOf(count));
      runtime.budget.characters(replaced.length);
      return isSafe || value instanceof Markup ? new Markup(replaced) : replaced;
    }),
  ],
  [
    'string',
    operation('soft_str', '', (runtime, value) => (value instanceof Markup ? value : str(value, runtime))),
  ],
  textual('title', '', capitalizedWords),
  textual('trim', '/ chars', (text, runtime, taken = null) =>
    strip(text, taken === null ? undefined : str(taken, runtime), 'both'),
  ),
  [
    'truncate',
    operation(
      'do_truncate',
      '/ length killwords end leeway',
      (runtime, value, most = 255, killWords = false, end = '...', leeway = null) =>
        truncate(value, most, truth(killWords), str(end, runtime), leeway),
    ),
  ],
  textual('upper', '', (text) => text.toUpperCase()),
  ['urlencode', operation('do_urlencode', '', urlencode)],
  [
    'wordcount',
    operation('do_wordcount', '', (runtime, value) => {
      const text = str(value, runtime);
      runtime.budget.step(text.length / 64);
      let words = 0;
      for (const _ of text.matchAll(/[\p{L}\p{N}_]+/gu)) words++;
      return words;
    }),
  ],
  [
    'wordwrap',
    operation(
      'do_wordwrap',
      '/ width break_long_words wrapstring break_on_hyphens',
      (runtime, value, width = 79, breaksWords = true, wrapString = null, breaksHyphens = true) => {
        const between = wrapString === null ? '\n' : str(wrapString, runtime);
        const options = { width: integerOf(width), words: truth(breaksWords), hyphens: truth(breaksHyphens) };
        if (options.width <= 0) throw new ExpressionError(`invalid width ${options.width} (must be > 0)`);
        const text = onlyText(value);
        const longest = longestWord(text);
        runtime.budget.characters(text.length * 2);
        runtime.budget.step((longest * longest) / options.width / 256);
        const lines = splitLines(text).map((line) => wrap(line, options).join(between));
        runtime.budget.characters(lines.length * between.length);
        return lines.join(between);
      },
    ),
  ],
];
