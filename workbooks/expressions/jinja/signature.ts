import { ExpressionError } from '../language.ts';
import type { Item, Named } from './object.ts';
import type { Runtime } from './runtime.ts';

/** A filter, a test or a method: what it is used on, and what it is given in parentheses. */
export type Operation = (runtime: Runtime, value: Item, given: readonly Item[], named: Named) => Item;

/**
 * An operation with named parameters. What was not given is undefined.
 * @param takes the names of the parameters, divided by spaces; what stands after a `/` has to be given, and the rest may be.
 */
export function operation(
  name: string,
  takes: string,
  run: (runtime: Runtime, value: Item, ...given: (Item | undefined)[]) => Item,
): Operation {
  const [needed = '', optional = ''] = takes.split('/');
  const required = needed.split(' ').filter(Boolean);
  const parameters = [...required, ...optional.split(' ').filter(Boolean)];
  return (runtime, value, given, named) =>
    run(runtime, value, ...bind(name, parameters, required.length, given, named));
}

/**
 * What was given, in the order of the parameters, with undefined for what was not.
 * @throws ExpressionError if there is too much, or something is missing.
 */
export function bind(
  name: string,
  parameters: readonly string[],
  required: number,
  given: readonly Item[],
  named: Named,
): (Item | undefined)[] {
  if (given.length > parameters.length) {
    throw new ExpressionError(
      `${name}() takes at most ${parameters.length} arguments (${given.length + named.size} given)`,
    );
  }
  const bound: (Item | undefined)[] = parameters.map((_, index) => given[index]);
  for (const [key, value] of named) {
    const index = parameters.indexOf(key);
    if (index < 0) throw new ExpressionError(`${name}() got an unexpected keyword argument '${key}'`);
    if (index < given.length)
      throw new ExpressionError(`${name}() got multiple values for argument '${key}'`);
    bound[index] = value;
  }
  const missing = parameters.slice(0, required).filter((_, index) => bound[index] === undefined);
  if (missing.length > 0) {
    const names = missing.map((parameter) => `'${parameter}'`).join(' and ');
    const noun = missing.length === 1 ? 'argument' : 'arguments';
    throw new ExpressionError(`${name}() missing ${missing.length} required positional ${noun}: ${names}`);
  }
  return bound;
}
