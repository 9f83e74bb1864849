import { isInteger } from '../../python/float.ts';
import { splitAt, splitAtFromEnd } from '../../python/text.ts';
import type { CallSite } from '../call_site.ts';
import { each, List, type Mapping, pairs } from '../collections.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import type { Num } from '../numbers.ts';
import { str } from '../text.ts';
import {
  find,
  findLast,
  length,
  occurrences,
  replace,
  slice,
  splitSpaces,
  splitSpacesLast,
  strip,
} from '../texts.ts';
import {
  any,
  bool,
  boolOrNull,
  int,
  iterable,
  mapping,
  numberOrNull,
  string,
  stringOrNull,
} from '../types.ts';
import { asBoth, asFunction, asMethod, parameter } from './registry.ts';

type Count = number | bigint | boolean;

const text = parameter('string', string);
const characters = parameter('chars', stringOrNull, null);
const separator = [text, parameter('separator', stringOrNull, null), parameter('maxSplits', int, -1)];

/** A text, charged for. */
function built(site: CallSite, value: string): string {
  site.budget.text(value.length);
  return value;
}

function listed(site: CallSite, items: string[]): List {
  site.budget.list(items.length);
  return new List(items);
}

/** As `str` of YAQL writes a value: null and truth values as expressions have them. */
export function yaqlText(value: unknown, site: CallSite): string {
  if (value === null || typeof value === 'boolean') return String(value);
  return str(value, site.budget);
}

function join(site: CallSite, sequence: unknown, between: string): string {
  const parts: string[] = [];
  let total = 0;
  for (const item of each(sequence)) {
    const part = String(site.call('str', item));
    total += part.length + between.length;
    site.budget.text(total > 65_536 ? total : 0);
    parts.push(part);
  }
  return built(site, parts.join(between));
}

function repeated(site: CallSite, value: string, times: Count): string {
  const count = Math.max(0, Number(times));
  site.budget.text(value.length * count);
  return value.repeat(count);
}

function replaced(site: CallSite, value: string, old: string, by: string, count: Count): string {
  const times =
    Number(count) < 0 ? occurrences(value, old) : Math.min(Number(count), occurrences(value, old));
  site.budget.text(value.length + times * Math.max(0, by.length - old.length));
  return replace(value, old, by, Number(count));
}

function substring(site: CallSite, value: string, start: Count, wanted: Count): string {
  const size = length(value);
  const count = Number(wanted) < 0 ? size : Number(wanted);
  const from = Number(start) < 0 ? Number(start) + size : Number(start);
  return built(site, slice(value, from, from + count));
}

type Seek = (text: string, wanted: string, start: number, end: number) => number;

function indexes(name: string, seek: Seek): Definition[] {
  const wanted = parameter('sub', string);
  return [
    asMethod(
      name,
      [text, wanted, parameter('start', int, 0)],
      (_site: CallSite, value: string, sub: string, start: Count) =>
        seek(value, sub, Number(start), Number.MAX_SAFE_INTEGER),
    ),
    asMethod(
      name,
      [text, wanted, parameter('start', int), parameter('length', int)],
      (_site: CallSite, value: string, sub: string, start: Count, count: Count) => {
        const size = length(value);
        const from = Number(start) < 0 ? Number(start) + size : Number(start);
        const span = Number(count) < 0 ? size - from : Number(count);
        return seek(value, sub, from, from + span);
      },
    ),
  ];
}

const letters = 'abcdefghijklmnopqrstuvwxyz';
const punctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';
const spaces = ' \t\n\r\v\f';

/** What `characters` gives for each of its switches; it knows three more that no Python has any longer. */
const classes: readonly (readonly [string, string | undefined])[] = [
  ['digits', '0123456789'],
  ['hexdigits', '0123456789abcdefABCDEF'],
  ['asciiLowercase', letters],
  ['asciiUppercase', letters.toUpperCase()],
  ['asciiLetters', letters + letters.toUpperCase()],
  ['letters', undefined],
  ['octdigits', '01234567'],
  ['punctuation', punctuation],
  ['printable', `0123456789${letters}${letters.toUpperCase()}${punctuation}${spaces}`],
  ['lowercase', undefined],
  ['uppercase', undefined],
  ['whitespace', spaces],
];

function charactersOf(_site: CallSite, ...switches: (boolean | null)[]): string[] {
  let all = '';
  for (const [index, isOn] of switches.entries()) {
    const [name, chosen] = classes[index] ?? [];
    if (!isOn) continue;
    if (chosen === undefined) throw new YaqlError(`there is no such class of characters: ${name}`);
    all += chosen;
  }
  return [...new Set(all)];
}

function hex(value: Num | null): string {
  if (value === null || !isInteger(value)) throw new YaqlError('hex takes an integer');
  return value < 0 ? `-0x${(-BigInt(value)).toString(16)}` : `0x${value.toString(16)}`;
}

const concatenation = (site: CallSite, ...parts: string[]): string => {
  site.budget.text(parts.reduce((total, part) => total + part.length, 0));
  return parts.join('');
};

export const strings: readonly Definition[] = [
  asBoth('len', [text], (_site: CallSite, value: string) => length(value)),
  asMethod('toUpper', [text], (site: CallSite, value: string) => built(site, value.toUpperCase())),
  asMethod('toLower', [text], (site: CallSite, value: string) => built(site, value.toLowerCase())),
  asMethod('split', separator, (site: CallSite, value: string, between: string | null, cuts: Count) => {
    if (between === '') throw new YaqlError('a text cannot be split at an empty one');
    return listed(
      site,
      between === null ? splitSpaces(value, Number(cuts)) : splitAt(value, between, Number(cuts)),
    );
  }),
  asMethod('rightSplit', separator, (site: CallSite, value: string, between: string | null, cuts: Count) => {
    if (between === '') throw new YaqlError('a text cannot be split at an empty one');
    return listed(
      site,
      between === null ? splitSpacesLast(value, Number(cuts)) : splitAtFromEnd(value, between, Number(cuts)),
    );
  }),
  asMethod('join', [parameter('sequence', iterable), parameter('separator', string)], join),
  asMethod(
    'join',
    [parameter('separator', string), parameter('sequence', iterable)],
    (site: CallSite, between: string, sequence: unknown) => join(site, sequence, between),
  ),
  asFunction('str', [parameter('value', any)], (site: CallSite, value: unknown) => yaqlText(value, site)),
  asFunction('concat', [], concatenation, { rest: string }),
  asFunction('#operator_+', [], concatenation, { rest: string }),
  asMethod('trim', [text, characters], (site: CallSite, value: string, removed: string | null) =>
    built(site, strip(value, removed, true, true)),
  ),
  asMethod('trimLeft', [text, characters], (site: CallSite, value: string, removed: string | null) =>
    built(site, strip(value, removed, true, false)),
  ),
  asMethod('trimRight', [text, characters], (site: CallSite, value: string, removed: string | null) =>
    built(site, strip(value, removed, false, true)),
  ),
  asBoth(
    'norm',
    [parameter('string', stringOrNull), characters],
    (site: CallSite, value: string | null, removed: string | null) =>
      value === null ? null : built(site, strip(value, removed, true, true)) || null,
  ),
  asBoth(
    'isEmpty',
    [parameter('string', stringOrNull), parameter('trim', bool, true), characters],
    (_site: CallSite, value: string | null, trims: boolean, removed: string | null) =>
      value === null || (trims ? strip(value, removed, true, true) : value) === '',
  ),
  asMethod(
    'replace',
    [text, parameter('old', string), parameter('new', string), parameter('count', int, -1)],
    replaced,
  ),
  asMethod(
    'replace',
    [text, parameter('replacements', mapping), parameter('count', int, -1)],
    (site: CallSite, value: string, replacements: Mapping, count: Count) => {
      let result = value;
      for (const [key, by] of pairs(replacements)) {
        result = replaced(site, result, String(site.call('str', key)), String(site.call('str', by)), count);
      }
      return result;
    },
  ),
  asFunction('#operator_*', [parameter('left', string), parameter('right', int)], repeated),
  asFunction(
    '#operator_*',
    [parameter('left', int), parameter('right', string)],
    (site: CallSite, times: Count, value: string) => repeated(site, value, times),
  ),
  asFunction(
    '#operator_in',
    [parameter('left', string), parameter('right', string)],
    (_site: CallSite, part: string, whole: string) => whole.includes(part),
  ),
  asMethod('substring', [text, parameter('start', int), parameter('length', int, -1)], substring),
  ...indexes('indexOf', find),
  ...indexes('lastIndexOf', findLast),
  asMethod('toCharArray', [text], (site: CallSite, value: string) => {
    site.budget.list(value.length);
    return [...value];
  }),
  asFunction(
    'characters',
    classes.map(([name]) => parameter(name, boolOrNull, false)),
    charactersOf,
  ),
  asFunction(
    'isString',
    [parameter('arg', any)],
    (_site: CallSite, value: unknown) => typeof value === 'string',
  ),
  asMethod(
    'startsWith',
    [text],
    (_site: CallSite, value: string, ...starts: string[]) => starts.some((start) => value.startsWith(start)),
    { rest: string },
  ),
  asMethod(
    'endsWith',
    [text],
    (_site: CallSite, value: string, ...ends: string[]) => ends.some((end) => value.endsWith(end)),
    { rest: string },
  ),
  asFunction('hex', [parameter('num', numberOrNull)], (_site: CallSite, value: Num | null) => hex(value)),
];
