import { Float, isFloat } from '../python/float.ts';
import { repr } from '../python/repr.ts';
import { type Item, Markup, Thing } from './object.ts';
import type { Runtime } from './runtime.ts';
import { Undefined } from './undefined.ts';

/** Python's name of a value's type. */
export function typeName(item: Item): string {
  if (item === null) return 'NoneType';
  if (typeof item === 'boolean') return 'bool';
  if (typeof item === 'string') return 'str';
  if (isFloat(item)) return 'float';
  return item instanceof Thing ? item.type : 'int';
}

/** What Jinja calls a value that lacks an attribute. */
export function objectName(item: Item): string {
  return item === null ? 'None' : `${typeName(item)} object`;
}

/** The value as text, as Python's `str` forms it. */
export function str(item: Item, runtime: Runtime): string {
  if (typeof item === 'string') return item;
  if (item instanceof Markup) return item.text;
  if (item instanceof Undefined) return item.fail();
  return shown(item, runtime);
}

/** As Python's `repr` shows it: texts in quotes. */
export function shown(item: Item, runtime: Runtime): string {
  return repr(item, (characters) => runtime.budget.characters(characters));
}

/** Whether Python takes it for true: not zero, not empty, not None. */
export function truth(item: Item): boolean {
  switch (typeof item) {
    case 'boolean':
      return item;
    case 'string':
      return item !== '';
    case 'number':
      return item !== 0;
    case 'bigint':
      return item !== 0n;
  }
  if (item === null) return false;
  if (item instanceof Float) return item.value !== 0;
  if (item instanceof Undefined) return item.fail();
  return item.length() !== 0;
}
