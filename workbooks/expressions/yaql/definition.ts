import type { CallSite } from './call_site.ts';
import { noValue } from './nodes.ts';
import type { ParameterType } from './types.ts';

export interface Parameter {
  /** As an expression writes it in `name => value`. */
  readonly name: string;
  readonly type: ParameterType;
  /** Undefined if it has to be given. */
  readonly default?: unknown;
}

/** What a function does with its arguments, converted to their types. */
export type Payload = (site: CallSite, ...args: never[]) => unknown;

/** One function of a name; there may be several, of which the arguments choose. */
export interface Definition {
  readonly name: string;
  readonly isFunction: boolean;
  readonly isMethod: boolean;
  /** Whether `key => value` among its arguments are values, and no arguments by name. */
  readonly noKeywords: boolean;
  readonly parameters: readonly Parameter[];
  /** Takes whatever arguments by position are left. */
  readonly rest?: ParameterType;
  /** Takes whatever arguments by name are left: the payload finds them at its site. */
  readonly keywords?: ParameterType;
  readonly payload: Payload;
}

/** Which type each argument goes to. */
export interface Mapped {
  readonly positional: readonly ParameterType[];
  readonly keyword: ReadonlyMap<string, ParameterType>;
}

/** Which parameters the arguments would go to; undefined if there are too few, too many, or some of a wrong type. */
export function mapArguments(
  definition: Definition,
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): Mapped | undefined {
  const { parameters, rest } = definition;
  const positional: (ParameterType | undefined)[] = args.map(() => rest);
  const keyword = new Map<string, ParameterType>();
  const defaults: unknown[] = [];
  for (const [index, parameter] of parameters.entries()) {
    const given = index < args.length && args[index] !== noValue;
    if (given) {
      if (named.has(parameter.name)) return undefined;
      positional[index] = parameter.type;
    } else if (named.has(parameter.name)) keyword.set(parameter.name, parameter.type);
    else if (parameter.default === undefined) return undefined;
    else if (index < args.length) {
      positional[index] = parameter.type;
      defaults[index] = parameter.default;
    }
  }
  for (const name of named.keys()) {
    if (keyword.has(name)) continue;
    if (!definition.keywords) return undefined;
    keyword.set(name, definition.keywords);
  }
  for (const [index, type] of positional.entries()) {
    const value = index in defaults ? defaults[index] : args[index];
    if (!type?.check(value)) return undefined;
  }
  for (const [name, type] of keyword) if (!type.check(named.get(name))) return undefined;
  return { positional: positional as ParameterType[], keyword };
}

/** Arguments with the types that will convert them. */
export interface Bound {
  readonly values: readonly unknown[];
  readonly types: readonly ParameterType[];
  readonly named: readonly (readonly [string, unknown])[];
}

/** The arguments, evaluated by now, in the order of the parameters; undefined if some are of a wrong type. */
export function bindArguments(
  definition: Definition,
  args: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): Bound | undefined {
  const values: unknown[] = [];
  const types: ParameterType[] = [];
  const used = new Set<string>();
  for (const [index, { name, type, default: standard }] of definition.parameters.entries()) {
    let value = index < args.length ? args[index] : noValue;
    if (value !== noValue) {
      if (named.has(name)) return undefined;
    } else if (named.has(name)) {
      value = named.get(name);
      used.add(name);
    } else if (standard === undefined) return undefined;
    else value = standard;
    if (!type.check(value)) return undefined;
    values.push(value);
    types.push(type);
  }
  for (let index = definition.parameters.length; index < args.length; index++) {
    const type = definition.rest;
    if (!type?.check(args[index])) return undefined;
    values.push(args[index]);
    types.push(type);
  }
  const left: (readonly [string, unknown])[] = [];
  for (const [name, value] of named) {
    if (used.has(name)) continue;
    if (!definition.keywords?.check(value)) return undefined;
    left.push([name, value]);
  }
  return { values, types, named: left };
}
