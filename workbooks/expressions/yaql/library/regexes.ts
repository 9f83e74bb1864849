import { ExpressionError } from '../../language.ts';
import { escapePattern, type Match, RegularExpression, replacement } from '../../pattern.ts';
import type { CallSite } from '../call_site.ts';
import { DictBuilder, List } from '../collections.ts';
import type { Context } from '../context.ts';
import type { Definition } from '../definition.ts';
import { YaqlError } from '../fault.ts';
import { Pattern } from '../pattern_value.ts';
import { isPlain } from '../texts.ts';
import { any, boolOrNull, int, type Lambda, lambdaInContext, pattern, string } from '../types.ts';
import { asFunction, asMethod, parameter } from './registry.ts';

type Count = number | bigint | boolean;

const regexp = parameter('regexp', pattern);
const text = parameter('string', string);
const selector = parameter('selector', lambdaInContext, null);
const maxSplit = parameter('maxSplit', int, 0);
const count = parameter('count', int, 0);

/** Of one that is compiled. */
const stepsAnInstruction = 4;

function compiled(
  site: CallSite,
  source: string,
  flags: Parameters<typeof RegularExpression.compile>[1] = {},
): RegularExpression {
  if (site.budget.isNew(source)) site.budget.step(stepsAnInstruction * RegularExpression.compileCost(source));
  try {
    return RegularExpression.compile(source, flags);
  } catch (error) {
    throw error instanceof ExpressionError ? new YaqlError(error.message) : error;
  }
}

/** Visits of a character by a state of the engine that take as long as a step. */
const visitsAStep = 64;

/** A search takes a time that grows with the text and with the expression. */
function charged(site: CallSite, expression: RegularExpression, searched: string): string {
  site.budget.step(1 + Math.ceil(expression.cost(searched) / visitsAStep));
  return searched;
}

function holds(site: CallSite, expression: RegularExpression, searched: string): boolean {
  return expression.search(charged(site, expression, searched)) !== null;
}

function* found(site: CallSite, expression: RegularExpression, searched: string): Generator<Match> {
  for (const match of expression.matches(charged(site, expression, searched))) {
    charged(site, expression, searched);
    yield match;
  }
}

/** Places are counted in characters. */
function place(searched: string, units: number): number {
  return units < 0 || isPlain(searched) ? units : [...searched.slice(0, units)].length;
}

function record(searched: string, value: string | null, start: number, end: number): unknown {
  return new DictBuilder()
    .set('value', value)
    .set('start', place(searched, start))
    .set('end', place(searched, end))
    .changeable();
}

/** The whole match as `$`, its groups as `$2` and so on. */
function publish(into: Context, match: Match, expression: RegularExpression, searched: string): void {
  into.set('$1', record(searched, searched.slice(match.start, match.end), match.start, match.end));
  for (const [index, group] of match.groups.entries()) {
    into.set(`$${index + 2}`, record(searched, group.text, group.start, group.end));
  }
  // YAQL fails wherever a group has a name: it takes what the group matched for its name.
  for (const number of expression.names.values()) {
    const value = match.groups[number - 1]?.text ?? null;
    const name = value === null ? undefined : expression.names.get([...value][1] ?? '');
    if (value === null || [...value].length !== 2 || name === undefined) {
      throw new YaqlError('groups that have names cannot be selected from');
    }
    const group = match.groups[name - 1];
    into.set(
      `$${[...value][0]}`,
      record(searched, [...value][1] ?? '', group?.start ?? -1, group?.end ?? -1),
    );
  }
}

function selected(
  site: CallSite,
  match: Match,
  expression: RegularExpression,
  searched: string,
  select: Lambda | null,
): unknown {
  if (!select) return searched.slice(match.start, match.end);
  const within = site.context.child();
  publish(within, match, expression, searched);
  return select(within);
}

function* selectedAll(
  site: CallSite,
  expression: RegularExpression,
  searched: string,
  select: Lambda | null,
): Generator<unknown> {
  for (const match of found(site, expression, searched))
    yield selected(site, match, expression, searched, select);
}

function split(site: CallSite, expression: RegularExpression, searched: string, most: Count): unknown {
  const parts: (string | null)[] = [];
  if (Number(most) < 0) return new List([searched]);
  let from = 0;
  let cuts = 0;
  for (const match of found(site, expression, searched)) {
    if (Number(most) > 0 && cuts++ >= Number(most)) break;
    parts.push(searched.slice(from, match.start), ...match.groups.map((group) => group.text));
    from = match.end;
    site.budget.elements(parts.length);
  }
  parts.push(searched.slice(from));
  return new List(parts);
}

function replaced(
  site: CallSite,
  expression: RegularExpression,
  searched: string,
  by: (match: Match) => string,
  most: Count,
): string {
  if (Number(most) < 0) return searched;
  const parts: string[] = [];
  let from = 0;
  let done = 0;
  let size = 0;
  for (const match of found(site, expression, searched)) {
    if (Number(most) > 0 && done++ >= Number(most)) break;
    const part = by(match);
    parts.push(searched.slice(from, match.start), part);
    from = match.end;
    size += part.length;
    site.budget.text(size > 65_536 ? size : 0);
  }
  parts.push(searched.slice(from));
  site.budget.text(size + searched.length);
  return parts.join('');
}

function replacedBy(
  site: CallSite,
  expression: RegularExpression,
  searched: string,
  template: string,
  most: Count,
): string {
  let make: ReturnType<typeof replacement>;
  try {
    make = replacement(template, expression);
  } catch (error) {
    throw error instanceof ExpressionError ? new YaqlError(error.message) : error;
  }
  return replaced(site, expression, searched, (match) => make(match, searched), most);
}

function replacedByCall(
  site: CallSite,
  expression: RegularExpression,
  searched: string,
  select: Lambda,
  most: Count,
): string {
  const by = (match: Match): string => {
    publish(site.context, match, expression, searched);
    const value = select(site.context.child());
    if (typeof value !== 'string') throw new YaqlError('a match can be replaced by a text only');
    return value;
  };
  return replaced(site, expression, searched, by, most);
}

/** A method of both a pattern with a text, and a text with a pattern. */
function eitherWay(
  name: string,
  more: Parameters<typeof asMethod>[1],
  payload: (site: CallSite, expression: RegularExpression, searched: string, ...args: never[]) => unknown,
): Definition[] {
  const run = payload as (
    site: CallSite,
    expression: RegularExpression,
    searched: string,
    ...args: unknown[]
  ) => unknown;
  return [
    asMethod(
      name,
      [regexp, text, ...more],
      (site: CallSite, one: Pattern, searched: string, ...args: unknown[]) =>
        run(site, one.expression, searched, ...args),
    ),
    asMethod(
      name,
      [text, regexp, ...more],
      (site: CallSite, searched: string, one: Pattern, ...args: unknown[]) =>
        run(site, one.expression, searched, ...args),
    ),
  ];
}

function operators(name: string, wanted: boolean): Definition[] {
  return [
    asFunction(
      name,
      [text, regexp],
      (site: CallSite, searched: string, one: Pattern) => holds(site, one.expression, searched) === wanted,
    ),
    asFunction(
      name,
      [text, parameter('pattern', string)],
      (site: CallSite, searched: string, source: string) =>
        holds(site, compiled(site, source), searched) === wanted,
    ),
  ];
}

export const regexes: readonly Definition[] = [
  asFunction(
    'regex',
    [
      parameter('pattern', string),
      parameter('ignoreCase', boolOrNull, false),
      parameter('multiLine', boolOrNull, false),
      parameter('dotAll', boolOrNull, false),
    ],
    (site: CallSite, source: string, ignoreCase: boolean, multiLine: boolean, dotAll: boolean) =>
      new Pattern(
        compiled(site, source, {
          ignoreCase: ignoreCase === true,
          multiLine: multiLine === true,
          dotAll: dotAll === true,
        }),
      ),
  ),
  asMethod('matches', [regexp, text], (site: CallSite, one: Pattern, searched: string) =>
    holds(site, one.expression, searched),
  ),
  asMethod(
    'matches',
    [text, parameter('regexp', string)],
    (site: CallSite, searched: string, source: string) => holds(site, compiled(site, source), searched),
  ),
  ...operators('#operator_=~', true),
  ...operators('#operator_!~', false),
  asMethod(
    'search',
    [regexp, text, selector],
    (site: CallSite, one: Pattern, searched: string, select: Lambda | null) => {
      const match = one.expression.search(charged(site, one.expression, searched));
      return match ? selected(site, match, one.expression, searched, select) : null;
    },
  ),
  asMethod(
    'searchAll',
    [regexp, text, selector],
    (site: CallSite, one: Pattern, searched: string, select: Lambda | null) =>
      site.lazily(selectedAll(site, one.expression, searched, select)),
  ),
  ...eitherWay('split', [maxSplit], split),
  ...eitherWay('replace', [parameter('repl', string), count], replacedBy),
  ...eitherWay('replaceBy', [parameter('repl', lambdaInContext), count], replacedByCall),
  asFunction('escapeRegex', [text], (site: CallSite, value: string) => {
    site.budget.text(2 * value.length);
    return escapePattern(value);
  }),
  asFunction(
    'isRegex',
    [parameter('value', any)],
    (_site: CallSite, value: unknown) => value instanceof Pattern,
  ),
];
