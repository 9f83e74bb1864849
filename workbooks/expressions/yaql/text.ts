import { Float } from '../python/float.ts';
import { numberText, textRepr } from '../python/repr.ts';
import type { Budget } from './budget.ts';
import { Dict, isMapping, isNumber, List, pairs, SetValue, View } from './collections.ts';
import { DateTime } from './datetime.ts';
import { YaqlError } from './fault.ts';
import { Pattern } from './pattern_value.ts';
import { Timespan } from './timespan.ts';

/** Deeper than this nothing is shown: an error, not an overflow of the stack. */
const deepest = 200;

/** As Python's `str` shows a value. */
export function str(value: unknown, budget: Budget): string {
  if (typeof value === 'string') return value;
  if (value instanceof DateTime || value instanceof Timespan) return value.text();
  return repr(value, budget);
}

/** As Python's `repr` shows a value of the engine: tuples in parentheses, lists in brackets. */
export function repr(value: unknown, budget: Budget, depth = 0): string {
  if (depth > deepest) throw new YaqlError('the value is nested too deeply to be shown as text', 'limit');
  // What stands in a value many times over is shown as often.
  budget.step();
  const text = represent(value, (part) => repr(part, budget, depth + 1));
  budget.text(text.length);
  return text;
}

function represent(value: unknown, show: (part: unknown) => string): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return textRepr(value);
  if (isNumber(value)) return numberText(value instanceof Float ? value : value);
  if (Array.isArray(value)) return `(${value.map(show).join(', ')}${value.length === 1 ? ',' : ''})`;
  if (value instanceof List) return `[${value.items.map(show).join(', ')}]`;
  if (value instanceof SetValue) {
    return value.items.size === 0
      ? 'frozenset()'
      : `frozenset({${[...value.items.values()].map(show).join(', ')}})`;
  }
  if (value instanceof View) return viewText(value, show);
  if (isMapping(value))
    return `{${[...pairs(value)].map(([key, item]) => `${show(key)}: ${show(item)}`).join(', ')}}`;
  if (value instanceof DateTime || value instanceof Timespan || value instanceof Pattern)
    return value.represent();
  throw new YaqlError('the value cannot be shown as text');
}

function viewText(view: View, show: (part: unknown) => string): string {
  if (!(view.of instanceof Dict) || view.of.isFrozen) {
    const name = view.kind === 'keys' ? 'KeysView' : view.kind === 'values' ? 'ValuesView' : 'ItemsView';
    return `${name}(${show(view.of)})`;
  }
  return `dict_${view.kind}([${[...view].map(show).join(', ')}])`;
}
