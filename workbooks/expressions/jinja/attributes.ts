import { ExpressionError } from '../language.ts';
import { Dict, List, Range, Tuple } from './containers.ts';
import { objectName, shown, typeName } from './describe.ts';
import { characters, elementBytes } from './iterate.ts';
import { dictMethods } from './methods/dict.ts';
import { listMethods, tupleMethods } from './methods/list.ts';
import { numberAttribute } from './methods/number.ts';
import { markupMethods, textMethods } from './methods/text.ts';
import { asText, Callable, type Item, Markup, presentOr, Thing } from './object.ts';
import { asInteger, asNumber } from './operators.ts';
import type { Runtime } from './runtime.ts';
import type { Operation } from './signature.ts';
import { Undefined } from './undefined.ts';

/** What every object of Python's has, and what the sandbox refuses; a key of such a name can be read as an item only. */
const internal = new Set(
  (
    'class delattr dir doc eq format ge getattribute getstate gt hash init init_subclass le lt ne new reduce reduce_ex ' +
    'repr setattr sizeof str subclasshook'
  ).split(' '),
);
const internalOfContainers = new Set(
  'add class_getitem contains delitem getitem iadd imul ior iter len mul or reversed rmul ror setitem'.split(
    ' ',
  ),
);

/** `of.name`: an attribute, else an item. What is not there is undefined. */
export function getAttribute(of: Item, name: string, runtime: Runtime): Item {
  const attribute = ownAttribute(of, name, runtime);
  if (attribute !== undefined) return attribute;
  return presentOr(itemOf(of, name, runtime), () => missing(of, name, runtime));
}

/** `of[key]`: an item, else an attribute. What is not there is undefined. */
export function getItem(of: Item, key: Item, runtime: Runtime): Item {
  const found = itemOf(of, key, runtime);
  if (found !== undefined) return found;
  const name = asText(key);
  const attribute = name === undefined ? undefined : ownAttribute(of, name, runtime);
  return presentOr(attribute, () => missing(of, key, runtime));
}

/** An attribute alone: what the filter `attr` gives. */
export function onlyAttribute(of: Item, name: string, runtime: Runtime): Item {
  return presentOr(ownAttribute(of, name, runtime), () => missing(of, name, runtime));
}

function missing(of: Item, key: Item, runtime: Runtime): Undefined {
  if (key instanceof Undefined) return key.fail();
  const name = asText(key);
  return new Undefined(
    name === undefined
      ? `${objectName(of)} has no element ${shown(key, runtime)}`
      : `'${objectName(of)}' has no attribute '${name}'`,
  );
}

function ownAttribute(of: Item, name: string, runtime: Runtime): Item | undefined {
  if (of instanceof Undefined) return of.fail();
  if (name.startsWith('__') && name.endsWith('__') && isInternal(of, name.slice(2, -2))) {
    return new Undefined(
      `access to attribute '${name}' of '${typeName(of).split('.').at(-1)}' object is unsafe.`,
    );
  }
  if (name.startsWith('_')) return undefined;
  const number = asNumber(of);
  if (number !== undefined) return numberAttribute(number, name);
  const method = methodsOf(of)?.get(name);
  if (method !== undefined) return new Callable(name, (runs, given, named) => method(runs, of, given, named));
  return of instanceof Thing ? of.attribute(name, runtime) : undefined;
}

function isInternal(of: Item, name: string): boolean {
  if (internal.has(name)) return true;
  return (of instanceof Dict || of instanceof List || of instanceof Tuple) && internalOfContainers.has(name);
}

function methodsOf(of: Item): ReadonlyMap<string, Operation> | undefined {
  if (typeof of === 'string') return textMethods;
  if (of instanceof Dict) return dictMethods;
  if (of instanceof List) return listMethods;
  if (of instanceof Markup) return markupMethods;
  return of instanceof Tuple || of instanceof Range ? tupleMethods : undefined;
}

/** What the object itself gives for `of[key]`. */
function itemOf(of: Item, key: Item, runtime: Runtime): Item | undefined {
  runtime.budget.step();
  runtime.budget.read((asText(of)?.length ?? 0) + (asText(key)?.length ?? 0));
  if (of instanceof Undefined) return of.fail();
  if (of instanceof Dict) return keyed(of, key);
  const index = asInteger(key);
  const text = asText(of);
  if (index !== undefined && text !== undefined) {
    const all = characters(text);
    return all[place(index, all.length)];
  }
  if (index !== undefined && of instanceof List) return of.at(place(index, of.length()));
  if (index !== undefined && of instanceof Tuple) return of.items[place(index, of.items.length)];
  if (index !== undefined && of instanceof Range) {
    const at = place(index, of.length());
    return at >= 0 && at < of.length() ? of.at(at) : undefined;
  }
  return of instanceof Thing ? of.item(key, runtime) : undefined;
}

function keyed(dict: Dict, key: Item): Item | undefined {
  if (key instanceof List || key instanceof Dict) return undefined;
  return dict.get(key);
}

function place(index: number | bigint, length: number): number {
  const number = Number(index);
  return number < 0 ? number + length : number;
}

/** `of[start:stop:step]`. What cannot be sliced is undefined, as if it had no such element. */
export function slice(of: Item, bounds: readonly [Item, Item, Item], runtime: Runtime): Item {
  if (of instanceof Undefined) return of.fail();
  const indices = bounds.map((bound) => (bound === null ? null : asInteger(bound)));
  for (const bound of bounds) if (bound instanceof Undefined) bound.fail();
  const [start, stop, step] = indices;
  runtime.budget.read(asText(of)?.length ?? 0);
  const text = asText(of);
  const all =
    text !== undefined ? characters(text) : of instanceof List || of instanceof Tuple ? of.items : undefined;
  if (of instanceof Dict) throw new ExpressionError("unhashable type: 'slice'");
  if (all === undefined && !(of instanceof Range)) {
    const [a = null, b = null, c = null] = bounds;
    const parts = [a, b, c].map((part) => shown(part, runtime)).join(', ');
    return new Undefined(`${objectName(of)} has no element slice(${parts})`);
  }
  if (indices.includes(undefined)) {
    throw new ExpressionError('slice indices must be integers or None or have an __index__ method');
  }
  const by = step === null || step === undefined ? 1 : Number(step);
  if (by === 0) throw new ExpressionError('slice step cannot be zero');
  const length = all?.length ?? (of as Range).length();
  const [from, to] = limits(start ?? null, stop ?? null, by, length);
  if (of instanceof Range) return new Range(of.at(from), of.at(to), of.step * by);
  if (typeof all === 'string' && by === 1) {
    const part = all.slice(from, Math.max(from, to));
    runtime.budget.characters(part.length);
    return of instanceof Markup ? new Markup(part) : part;
  }
  const taken = take(all ?? [], from, to, by, runtime);
  if (text !== undefined) {
    const part = taken.join('');
    return of instanceof Markup ? new Markup(part) : part;
  }
  return of instanceof List ? new List(taken) : new Tuple(taken);
}

function limits(
  start: number | bigint | null,
  stop: number | bigint | null,
  step: number,
  length: number,
): [number, number] {
  const lowest = step > 0 ? 0 : -1;
  const highest = step > 0 ? length : length - 1;
  const bound = (value: number | bigint | null, otherwise: number) => {
    if (value === null) return otherwise;
    const index = place(value, length);
    return Math.min(Math.max(index, lowest), highest);
  };
  return [bound(start, step > 0 ? lowest : highest), bound(stop, step > 0 ? highest : lowest)];
}

function take(all: ArrayLike<Item>, from: number, to: number, step: number, runtime: Runtime): Item[] {
  const count = Math.max(0, Math.ceil((to - from) / step));
  runtime.budget.build(count * (typeof all === 'string' ? 1 : elementBytes));
  const taken: Item[] = [];
  for (let index = 0; index < count; index++) taken.push(all[from + index * step] as Item);
  return taken;
}

/** Calls what can be called. */
export function call(
  of: Item,
  runtime: Runtime,
  given: readonly Item[],
  named: ReadonlyMap<string, Item>,
): Item {
  runtime.budget.step();
  if (of instanceof Undefined) return of.fail();
  if (!(of instanceof Thing) || !of.isCallable) {
    throw new ExpressionError(`'${typeName(of)}' object is not callable`);
  }
  return of.call(runtime, given, named);
}
