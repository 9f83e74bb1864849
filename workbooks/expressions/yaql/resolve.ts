import type { Budget } from './budget.ts';
import { CallSite } from './call_site.ts';
import type { Context } from './context.ts';
import { type Bound, bindArguments, type Definition, type Mapped, mapArguments } from './definition.ts';
import { evaluate } from './evaluate.ts';
import { YaqlError } from './fault.ts';
import { hostDefinitions } from './host.ts';
import { library } from './library/library.ts';
import { Constant, isNode, MappingRule, noValue } from './nodes.ts';
import { isNarrower, type ParameterType } from './types.ts';

const nothing: ReadonlyMap<string, unknown> = new Map();

/** The choice among overloads and the way there take as long as so many nodes of an expression. */
const stepsACall = 8;

/** Calls what the arguments choose among the functions of a name; on a receiver, among the methods. */
export function call(
  name: string,
  context: Context,
  args: readonly unknown[],
  receiver: unknown = noValue,
  named: ReadonlyMap<string, unknown> = nothing,
): unknown {
  const { budget } = context;
  budget.step(stepsACall);
  budget.enter();
  const { definition, bound } = choose(name, context, args, named, receiver);
  const unwrapped = bound.named.map(
    ([key, value]) => [key, value instanceof Constant ? value.value : value] as const,
  );
  const site = new CallSite(context, unwrapped);
  const converted = bound.values.map((value, index) => bound.types[index]?.convert(value, site));
  const payload = definition.payload as (site: CallSite, ...args: unknown[]) => unknown;
  const result = payload(site, ...converted);
  budget.leave();
  return result;
}

interface Choice {
  readonly definition: Definition;
  readonly bound: Bound;
}

/** Functions come in levels, those of the nearest context first: the first level of which one fits is taken. */
function overloads(name: string, context: Context, isMethod: boolean): readonly (readonly Definition[])[] {
  const wanted = name.replace(/_+$/, '');
  const fits = (definition: Definition): boolean => (isMethod ? definition.isMethod : definition.isFunction);
  const standard = library.overloads(wanted, isMethod);
  const host = isMethod ? undefined : hostDefinition(wanted, context.budget);
  if (!context.defining && !host) return standard;
  const defined = context.defined(wanted).map((level) => level.filter(fits));
  return [...defined.filter((level) => level.length > 0), ...(host ? [[host]] : []), ...standard];
}

function hostDefinition(name: string, budget: Budget): Definition | undefined {
  return budget.functions.has(name) ? hostDefinitions(budget.functions).get(name) : undefined;
}

/** Names are shown as they were written, but for those that only the engine calls. */
function shown(name: string): string {
  const plain = name.replace(/^#(?:unary_)?operator_|^#property#/, '');
  const kinds: Readonly<Record<string, string>> = {
    '#indexer': 'index',
    '#list': 'list',
    '#map': 'dictionary',
    '*equal': '=',
    '*not_equal': '!=',
  };
  return JSON.stringify(kinds[plain] ?? plain);
}

function noMatch(name: string, isMethod: boolean): YaqlError {
  const kind = isMethod ? 'method' : name.startsWith('#') || name.startsWith('*') ? 'operator' : 'function';
  return new YaqlError(`no ${kind} ${shown(name)} takes such arguments`, 'no match');
}

function ambiguous(name: string): YaqlError {
  return new YaqlError(`several functions ${shown(name)} take such arguments`);
}

function choose(
  name: string,
  context: Context,
  givenArgs: readonly unknown[],
  givenNamed: ReadonlyMap<string, unknown>,
  receiver: unknown,
): Choice {
  const isMethod = receiver !== noValue;
  const levels = overloads(name, context, isMethod);
  const first = levels[0]?.[0];
  if (!first) {
    const kind = name.startsWith('#property#') ? 'property' : isMethod ? 'method' : 'function';
    throw new YaqlError(`there is no ${kind} ${shown(name)}`);
  }
  const { args, named } = translated(
    isMethod ? [receiver, ...givenArgs] : givenArgs,
    givenNamed,
    first.noKeywords,
  );
  const { candidates, isLazy } = fitting(name, levels, first.noKeywords, args, named);
  if (candidates.length === 0) throw noMatch(name, isMethod);
  const evaluated = args.map((argument, index) =>
    isLazy.has(index) ? argument : evaluatedArgument(argument, context),
  );
  const evaluatedNamed = new Map<string, unknown>();
  for (const [key, argument] of named) {
    evaluatedNamed.set(key, isLazy.has(key) ? argument : evaluatedArgument(argument, context));
  }
  for (const level of candidates) {
    const choice = best(name, level, evaluated, evaluatedNamed);
    if (choice) return choice;
  }
  throw noMatch(name, isMethod);
}

function evaluatedArgument(argument: unknown, context: Context): unknown {
  return isNode(argument) && !(argument instanceof Constant) ? evaluate(argument, context) : argument;
}

interface Arguments {
  readonly args: readonly unknown[];
  readonly named: ReadonlyMap<string, unknown>;
}

/** `key => value` are arguments by name, unless the function takes them as values. */
function translated(
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
  noKeywords: boolean,
): Arguments {
  if (noKeywords) {
    if (named.size > 0) throw new YaqlError('the function takes no arguments by name');
    return { args, named };
  }
  if (!args.some((argument) => argument instanceof MappingRule)) return { args, named };
  const positional: unknown[] = [];
  const byName = new Map<string, unknown>();
  for (const argument of args) {
    if (!(argument instanceof MappingRule)) positional.push(argument);
    else if (argument.source instanceof Constant && argument.source.isKeyword) {
      byName.set(String(argument.source.value), argument.destination);
    } else throw new YaqlError('the name of an argument has to be a word');
  }
  for (const [key, value] of named) {
    if (byName.has(key)) throw new YaqlError(`the argument ${JSON.stringify(key)} was given twice`);
    byName.set(key, value);
  }
  return { args: positional, named: byName };
}

interface Candidate {
  readonly definition: Definition;
  readonly mapped: Mapped;
}

/** Those that the arguments fit by their number and names, and by types as far as they are values already. */
function fitting(
  name: string,
  levels: readonly (readonly Definition[])[],
  noKeywords: boolean,
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): { candidates: Candidate[][]; isLazy: ReadonlySet<number | string> } {
  const candidates: Candidate[][] = [];
  let isLazy: Set<number | string> | undefined;
  for (const level of levels) {
    const here: Candidate[] = [];
    for (const definition of level) {
      if (definition.noKeywords !== noKeywords) throw ambiguous(name);
      const mapped = mapArguments(definition, args, named);
      if (!mapped) continue;
      const lazy = lazyOf(mapped);
      if (isLazy === undefined) isLazy = lazy;
      else if (isLazy.size !== lazy.size || [...lazy].some((key) => !isLazy?.has(key))) throw ambiguous(name);
      here.push({ definition, mapped });
    }
    if (here.length > 0) candidates.push(here);
  }
  return { candidates, isLazy: isLazy ?? new Set() };
}

function lazyOf(mapped: Mapped): Set<number | string> {
  const lazy = new Set<number | string>();
  for (const [index, type] of mapped.positional.entries()) if (type.isLazy) lazy.add(index);
  for (const [key, type] of mapped.keyword) if (type.isLazy) lazy.add(key);
  return lazy;
}

/** The one of a level that takes the values; of several the one whose types are narrower. */
function best(
  name: string,
  level: readonly Candidate[],
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): Choice | undefined {
  let choice: Choice | undefined;
  let winner: Mapped | undefined;
  for (const { definition, mapped } of level) {
    const bound = bindArguments(definition, args, named);
    if (!bound) continue;
    if (winner) {
      if (isSpecialization(winner, mapped)) continue;
      if (!isSpecialization(mapped, winner)) throw ambiguous(name);
    }
    choice = { definition, bound };
    winner = mapped;
  }
  return choice;
}

function isSpecialization(mapped: Mapped, other: Mapped): boolean {
  let narrower = false;
  const pairs: [ParameterType | undefined, ParameterType | undefined][] = mapped.positional.map(
    (type, index) => [type, other.positional[index]],
  );
  for (const [key, type] of mapped.keyword) pairs.push([type, other.keyword.get(key)]);
  for (const [one, two] of pairs) {
    if (!one || !two) continue;
    if (isNarrower(two, one)) return false;
    if (isNarrower(one, two)) narrower = true;
  }
  return narrower;
}
