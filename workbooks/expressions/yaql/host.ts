import { textSteps } from '../functions/cost.ts';
import type { HostFunction } from '../language.ts';
import { put, type Value } from '../value.ts';
import { toData, toHost } from './border.ts';
import type { Budget } from './budget.ts';
import { DictBuilder, List } from './collections.ts';
import type { Definition } from './definition.ts';
import { YaqlError } from './fault.ts';
import * as types from './types.ts';

const known = new WeakMap<ReadonlyMap<string, HostFunction>, ReadonlyMap<string, Definition>>();

/** Mistral's functions as those of an expression: they are called as functions, never as methods. */
export function hostDefinitions(
  functions: ReadonlyMap<string, HostFunction>,
): ReadonlyMap<string, Definition> {
  const found = known.get(functions);
  if (found) return found;
  const made = new Map<string, Definition>();
  for (const [name, called] of functions) made.set(name, hostDefinition(name, called));
  known.set(functions, made);
  return made;
}

/** These write what they are given, so they get floats as such. */
const writers: ReadonlySet<string> = new Set(['json_dump', 'yaml_dump']);

function hostDefinition(name: string, called: HostFunction): Definition {
  return {
    name,
    isFunction: true,
    isMethod: false,
    noKeywords: false,
    parameters: [],
    rest: types.any,
    keywords: types.any,
    payload: (site, ...args: unknown[]) => {
      const convert = (value: unknown): Value =>
        writers.has(name)
          ? (toHost(value, site.budget, name === 'json_dump') as Value)
          : toData(value, site.budget);
      const named: { [key: string]: Value } = {};
      for (const [key, value] of site.named) put(named, pythonName(key), convert(value));
      const given = args.map(convert);
      for (const value of [...given, ...Object.values(named)]) site.budget.step(textSteps(name, value));
      const result = called(given, named);
      site.budget.step(textSteps(name, result));
      return changeable(result, site.budget, 0);
    },
  };
}

/** `taskName` as the functions of Mistral have it: `task_name`, which no expression may write. */
function pythonName(name: string): string {
  if (/.[_]\w/.test(name))
    throw new YaqlError(`the function has no argument ${JSON.stringify(name)}`, 'no match');
  return name.replace(/(?!^)[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Deeper than this no function's result is taken. */
const deepest = 200;

/** Results are Python's lists and dictionaries, which are no keys, and lists are not equal to an expression's own. */
function changeable(value: Value, budget: Budget, depth: number): unknown {
  budget.step();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > deepest) throw new YaqlError('a result is nested too deeply', 'limit');
  if (Array.isArray(value)) return new List(value.map((item: Value) => changeable(item, budget, depth + 1)));
  const built = new DictBuilder();
  for (const [key, item] of Object.entries(value))
    built.set(key, changeable(item as Value, budget, depth + 1));
  return built.changeable();
}
