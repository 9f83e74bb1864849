import { textSteps } from '../functions/cost.ts';
import { ExpressionError } from '../language.ts';
import type { Dictionary, Value } from '../value.ts';
import { put } from '../value.ts';
import { Dict } from './containers.ts';
import { fromValue, toExact, toValue } from './convert.ts';
import { Callable, type Item, type Named } from './object.ts';
import type { Runtime } from './runtime.ts';
import type { Operation } from './signature.ts';

/** A function of Mistral's as an expression calls it. */
export function hostFunction(name: string): Callable {
  return new Callable(name, (runtime, given, named) => callHost(name, runtime, given, named));
}

/**
 * A function of Mistral's as a filter: there the value takes the place of the context, and the rest are the arguments.
 * Only `env` looks at it; the others find what they need without.
 */
export function hostFilter(name: string): Operation {
  return (runtime, value, given, named) => {
    if (name !== 'env' || !(value instanceof Dict)) return callHost(name, runtime, given, named);
    const env = value.get('__env');
    if (env === undefined) throw new ExpressionError("'__env'");
    return env;
  };
}

function callHost(name: string, runtime: Runtime, given: readonly Item[], named: Named): Item {
  const host = runtime.scope.functions.get(name);
  if (host === undefined) throw new ExpressionError(`'${name}' is undefined`);
  runtime.budget.step();
  const names: { [key: string]: Value } = {};
  // What writes text out of data shows the difference between 1 and 1.0.
  const convert = (name === 'json_dump' || name === 'yaml_dump' ? toExact : toValue) as typeof toValue;
  for (const [key, value] of named) put(names, key, convert(value, runtime));
  const values = given.map((value) => convert(value, runtime));
  for (const value of [...values, ...Object.values(names)]) runtime.budget.step(textSteps(name, value));
  const result = host(values, names as Dictionary);
  runtime.budget.step(textSteps(name, result));
  if (typeof result === 'string') runtime.budget.characters(result.length);
  return fromValue(result);
}
