import { ExpressionError } from '../../language.ts';
import { truth } from '../describe.ts';
import { iterate } from '../iterate.ts';
import { asText, type Item, type Named } from '../object.ts';
import type { Runtime } from '../runtime.ts';
import type { Operation } from '../signature.ts';
import { attributeGetter } from './attribute.ts';
import { stream } from './sequence.ts';

/** Lazily: what is empty is not looked at, and wrong arguments only show when there is an element. */
function* mapped(value: Item, runtime: Runtime, prepare: () => (item: Item) => Item): Iterator<Item> {
  if (!truth(value)) return;
  const apply = prepare();
  for (const item of iterate(value, runtime)) yield apply(item);
}

function* selected(value: Item, runtime: Runtime, prepare: () => (item: Item) => boolean): Iterator<Item> {
  if (!truth(value)) return;
  const holds = prepare();
  for (const item of iterate(value, runtime)) if (holds(item)) yield item;
}

function mapping(runtime: Runtime, given: readonly Item[], named: Named): (item: Item) => Item {
  const attribute = named.get('attribute');
  if (given.length === 0 && attribute !== undefined) {
    const unexpected = [...named.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (unexpected !== undefined) throw new ExpressionError(`Unexpected keyword argument '${unexpected}'`);
    return attributeGetter(attribute, runtime, named.get('default') ?? null);
  }
  const [name, ...rest] = given;
  if (name === undefined) throw new ExpressionError('map requires a filter argument');
  return (item) => runtime.filter(asText(name) ?? '', item, rest, named);
}

function selection(select: boolean, byAttribute: boolean): Operation {
  const name = `sync_do_${select ? 'select' : 'reject'}${byAttribute ? 'attr' : ''}`;
  return (runtime, value, given, named) => {
    const prepare = () => {
      if (byAttribute && given.length === 0)
        throw new ExpressionError('Missing parameter for attribute name');
      const get = attributeGetter(byAttribute ? given[0] : undefined, runtime);
      const [test, ...rest] = given.slice(byAttribute ? 1 : 0);
      return (item: Item): boolean => {
        const found = get(item);
        const holds = test === undefined ? found : runtime.test(asText(test) ?? '', found, rest, named);
        return truth(holds) === select;
      };
    };
    return stream(name, value, runtime, selected(value, runtime, prepare));
  };
}

/** Filters that apply a filter or a test to each element. */
export const selectionFilters: readonly (readonly [string, Operation])[] = [
  [
    'map',
    (runtime, value, given, named) =>
      stream(
        'sync_do_map',
        value,
        runtime,
        mapped(value, runtime, () => mapping(runtime, given, named)),
      ),
  ],
  ['select', selection(true, false)],
  ['reject', selection(false, false)],
  ['selectattr', selection(true, true)],
  ['rejectattr', selection(false, true)],
];
