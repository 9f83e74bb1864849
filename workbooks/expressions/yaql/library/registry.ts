import type { Definition, Parameter, Payload } from '../definition.ts';
import type { ParameterType } from '../types.ts';

export interface Extras {
  /** Takes whatever arguments by position are left. */
  readonly rest?: ParameterType;
  /** Takes whatever arguments by name are left. */
  readonly keywords?: ParameterType;
  /** `key => value` among the arguments are values. */
  readonly noKeywords?: boolean;
}

/** A parameter; one with a default need not be given. */
export function parameter(name: string, type: ParameterType, standard?: unknown): Parameter {
  return standard === undefined ? { name, type } : { name, type, default: standard };
}

function definition(
  name: string,
  isFunction: boolean,
  isMethod: boolean,
  parameters: readonly Parameter[],
  payload: Payload,
  extras: Extras,
): Definition {
  return {
    name,
    isFunction,
    isMethod,
    parameters,
    payload,
    ...extras,
    noKeywords: extras.noKeywords ?? false,
  };
}

/** Called as `f(x)`. */
export function asFunction(
  name: string,
  parameters: readonly Parameter[],
  payload: Payload,
  extras: Extras = {},
): Definition {
  return definition(name, true, false, parameters, payload, extras);
}

/** Called as `x.f()`. */
export function asMethod(
  name: string,
  parameters: readonly Parameter[],
  payload: Payload,
  extras: Extras = {},
): Definition {
  return definition(name, false, true, parameters, payload, extras);
}

/** Called either way. */
export function asBoth(
  name: string,
  parameters: readonly Parameter[],
  payload: Payload,
  extras: Extras = {},
): Definition {
  return definition(name, true, true, parameters, payload, extras);
}

/** Functions by their names; those of the second kind are asked only where none of the first fits. */
export class Library {
  readonly #functions = new Map<string, Definition[][]>();
  readonly #methods = new Map<string, Definition[][]>();

  constructor(definitions: readonly Definition[], fallbacks: readonly Definition[]) {
    for (const [level, all] of [definitions, fallbacks].entries()) {
      for (const one of all) {
        if (one.isFunction) add(this.#functions, one, level);
        if (one.isMethod) add(this.#methods, one, level);
      }
    }
  }

  overloads(name: string, isMethod: boolean): readonly (readonly Definition[])[] {
    return (isMethod ? this.#methods : this.#functions).get(name) ?? [];
  }
}

function add(to: Map<string, Definition[][]>, definition: Definition, level: number): void {
  const levels = to.get(definition.name) ?? [];
  to.set(definition.name, levels);
  // Where a name has fallbacks alone, they are its first level.
  const at = Math.min(level, levels.length);
  const here = levels[at];
  if (here) here.push(definition);
  else levels[at] = [definition];
}
