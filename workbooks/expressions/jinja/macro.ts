import { ExpressionError } from '../language.ts';
import { Dict, Tuple } from './containers.ts';
import type { MacroNode } from './nodes.ts';
import { type Item, type Named, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';
import { reads } from './walk.ts';

/** What a call of a macro binds its names to; a parameter that was not given is missing. */
export type Bindings = Map<string, Item>;

/** A macro, with where it was defined: it sees the variables there. */
export class Macro extends Thing {
  override readonly type = 'jinja2.runtime.Macro';
  readonly #node: MacroNode;
  readonly #render: (node: MacroNode, bindings: Bindings) => Item;
  readonly #takesCaller: boolean;
  readonly #takesNamed: boolean;
  readonly #takesMore: boolean;

  constructor(node: MacroNode, render: (node: MacroNode, bindings: Bindings) => Item) {
    super();
    this.#node = node;
    this.#render = render;
    const undeclared = (name: string) => reads(node.body, name) && !node.parameters.includes(name);
    this.#takesCaller = undeclared('caller');
    this.#takesNamed = undeclared('kwargs');
    this.#takesMore = undeclared('varargs');
  }

  override get isCallable(): boolean {
    return true;
  }

  override represent(show: (part: unknown) => string): string {
    return `<Macro ${this.#node.name === undefined ? 'anonymous' : show(this.#node.name)}>`;
  }

  override attribute(name: string): Item | undefined {
    switch (name) {
      case 'name':
        return this.#node.name ?? null;
      case 'arguments':
        return new Tuple(this.#node.parameters);
      case 'caller':
        return this.#takesCaller || this.#node.parameters.includes('caller');
      case 'catch_kwargs':
        return this.#takesNamed;
      case 'catch_varargs':
        return this.#takesMore;
      case 'explicit_caller':
        return this.#node.parameters.includes('caller');
      default:
        return undefined;
    }
  }

  override call(_runtime: Runtime, given: readonly Item[], named: Named): Item {
    const { parameters, name = null } = this.#node;
    const rest = new Map(named);
    const bindings: Bindings = new Map();
    const shown = name === null ? 'None' : `'${name}'`;
    parameters.forEach((parameter, index) => {
      const value = index < given.length ? given[index] : rest.get(parameter);
      if (index >= given.length) rest.delete(parameter);
      if (value !== undefined) bindings.set(parameter, value);
    });
    if (this.#takesCaller) {
      bindings.set('caller', rest.get('caller') ?? new Undefined('No caller defined'));
      rest.delete('caller');
    }
    if (this.#takesNamed) bindings.set('kwargs', Dict.of(rest));
    else if (rest.size > 0) {
      if (rest.has('caller')) {
        throw new ExpressionError(
          `macro ${shown} was invoked with two values for the special caller argument. This is most likely a bug.`,
        );
      }
      throw new ExpressionError(`macro ${shown} takes no keyword argument '${[...rest.keys()][0]}'`);
    }
    if (this.#takesMore) bindings.set('varargs', new Tuple(given.slice(parameters.length)));
    else if (given.length > parameters.length) {
      throw new ExpressionError(`macro ${shown} takes not more than ${parameters.length} argument(s)`);
    }
    return this.#render(this.#node, bindings);
  }
}
