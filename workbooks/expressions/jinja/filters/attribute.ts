import { getItem } from '../attributes.ts';
import type { Item } from '../object.ts';
import { asText } from '../object.ts';
import type { Runtime } from '../runtime.ts';
import { Undefined } from '../undefined.ts';

/** Looks an attribute up by a path: `address.city`, `items.0`; without a path it gives the value itself. */
export function attributeGetter(
  attribute: Item | undefined,
  runtime: Runtime,
  otherwise: Item = null,
): (item: Item) => Item {
  const parts = pathOf(attribute);
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = getItem(value, part, runtime);
      if (otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return value;
  };
}

/** The parts of several paths, divided by commas. */
export function severalGetter(attribute: Item | undefined, runtime: Runtime): (item: Item) => Item[] {
  const text = asText(attribute ?? null);
  const getters = (text?.split(',') ?? [attribute]).map((path) => attributeGetter(path, runtime));
  return (item) => getters.map((get) => get(item));
}

function pathOf(attribute: Item | undefined): readonly Item[] {
  if (attribute === undefined || attribute === null) return [];
  const text = asText(attribute);
  if (text === undefined) return [attribute];
  return text.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** What sorting and comparing without regard to case goes by. */
export function ignoreCase(item: Item): Item {
  return asText(item)?.toLowerCase() ?? item;
}
