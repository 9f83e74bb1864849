import { ExpressionError } from '../language.ts';
import { Float, toDouble } from '../python/float.ts';
import { Dict, List, Tuple } from './containers.ts';
import { asText, type Item, type Thing } from './object.ts';
import { Undefined } from './undefined.ts';

const deepest = 100;
/** A tuple may hold another many times over: what it takes grows with each level. */
const mostParts = 10_000;
const identities = new WeakMap<Thing, number>();
let lastIdentity = 0;

/**
 * A text that two values share exactly if Python takes them for the same key: 1, 1.0 and True are one.
 * @throws ExpressionError for a list or a dictionary: they cannot be keys.
 */
export function hash(item: Item, depth = 0, parts = { left: mostParts }): string {
  if (depth > deepest || --parts.left < 0)
    throw new ExpressionError('a key holds too much, or is nested too deeply');
  const text = asText(item);
  if (text !== undefined) return `s${text}`;
  if (item === null) return '-';
  if (typeof item === 'boolean') return item ? 'n1' : 'n0';
  if (typeof item === 'number' || typeof item === 'bigint') return `n${item === 0 ? 0 : item}`;
  if (item instanceof Float) return `n${BigInt(toDouble(item))}`;
  if (item instanceof Undefined) return item.fail();
  if (item instanceof Tuple) {
    const hashed = item.items.map((part) => hash(part, depth + 1, parts));
    return `t${hashed.map((part) => `${part.length}:${part}`).join('')}`;
  }
  if (item instanceof List || item instanceof Dict)
    throw new ExpressionError(`unhashable type: '${item.type}'`);
  return `i${identity(item as Thing)}`;
}

function identity(thing: Thing): number {
  const known = identities.get(thing);
  if (known !== undefined) return known;
  identities.set(thing, ++lastIdentity);
  return lastIdentity;
}
