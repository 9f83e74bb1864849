import { numberText, textRepr } from '../python/repr.ts';
import type { Budget } from './budget.ts';
import { each, isIterable, isMapping, isNumber, isSet, pairs } from './collections.ts';
import { DateTime } from './datetime.ts';
import { YaqlError } from './fault.ts';
import { Pattern } from './pattern_value.ts';
import { Timespan } from './timespan.ts';

/** Deeper than this nothing is shown. */
const deepest = 200;

/** A value as text within a text, as Python's `str` writes what YAQL gives: all sequences are lists by then. */
export function interpolated(value: unknown, budget: Budget): string {
  if (typeof value === 'string') return value;
  if (value instanceof DateTime || value instanceof Timespan) return value.text();
  return shown(value, budget, 0);
}

function shown(value: unknown, budget: Budget, depth: number): string {
  budget.step();
  if (depth > deepest) throw new YaqlError('the value is nested too deeply to be shown as text', 'limit');
  const text = written(value, budget, depth);
  budget.text(text.length);
  return text;
}

function written(value: unknown, budget: Budget, depth: number): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return textRepr(value);
  if (isNumber(value)) return numberText(value);
  if (value instanceof DateTime || value instanceof Timespan || value instanceof Pattern)
    return value.represent();
  if (isMapping(value)) {
    const parts: string[] = [];
    for (const [key, item] of pairs(value)) {
      if (isIterable(key) || isMapping(key)) throw new YaqlError('a collection is no key of a result');
      parts.push(`${shown(key, budget, depth + 1)}: ${shown(item, budget, depth + 1)}`);
    }
    return `{${parts.join(', ')}}`;
  }
  if (!isIterable(value)) throw new YaqlError('the value cannot be shown as text');
  const parts: string[] = [];
  for (const item of each(value)) {
    if (isSet(value) && (isMapping(item) || isIterable(item)))
      throw new YaqlError('a set of collections is no result');
    parts.push(shown(item, budget, depth + 1));
    budget.elements(parts.length);
  }
  if (!isSet(value)) return `[${parts.join(', ')}]`;
  return parts.length === 0 ? 'set()' : `{${parts.join(', ')}}`;
}
