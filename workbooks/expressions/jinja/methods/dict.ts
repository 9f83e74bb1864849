import { ExpressionError } from '../../language.ts';
import { Dict, DictView, Tuple } from '../containers.ts';
import { shown } from '../describe.ts';
import { collect, elementBytes, iterate } from '../iterate.ts';
import { asText, type Item, type Named, presentOr } from '../object.ts';
import type { Runtime } from '../runtime.ts';
import { type Operation, operation } from '../signature.ts';

function method(
  name: string,
  takes: string,
  run: (dict: Dict, runtime: Runtime, ...given: (Item | undefined)[]) => Item,
): [string, Operation] {
  return [
    name,
    operation(name, takes, (runtime, value, ...given) => {
      for (const item of given) runtime.budget.read(asText(item ?? null)?.length ?? 0);
      return run(value as Dict, runtime, ...given);
    }),
  ];
}

/** The methods of a dictionary. */
export const dictMethods: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  method('keys', '', (dict) => new DictView('keys', dict)),
  method('values', '', (dict) => new DictView('values', dict)),
  method('items', '', (dict) => new DictView('items', dict)),
  method('get', 'key / default', (dict, _, key = null, otherwise = null) =>
    presentOr(dict.get(key), () => otherwise),
  ),
  method('copy', '', (dict, runtime) => copy(dict, runtime)),
  method('clear', '', (dict) => {
    dict.clear();
    return null;
  }),
  method('pop', 'key / default', (dict, runtime, key = null, otherwise) => {
    return presentOr(dict.delete(key), () => {
      if (otherwise === undefined) throw new ExpressionError(shown(key, runtime));
      return otherwise;
    });
  }),
  method('popitem', '', (dict, runtime) => {
    runtime.budget.step(dict.size / 16);
    const last = [...dict.entries()].at(-1);
    if (last === undefined) throw new ExpressionError("'popitem(): dictionary is empty'");
    dict.delete(last[0]);
    return new Tuple(last);
  }),
  method('setdefault', 'key / default', (dict, runtime, key = null, otherwise = null) => {
    const known = dict.get(key);
    if (known !== undefined) return known;
    runtime.budget.build(elementBytes * 2);
    dict.set(key, otherwise);
    return otherwise;
  }),
  [
    'update',
    (runtime, value, given, named) => {
      fill(value as Dict, 'update', runtime, given, named);
      return null;
    },
  ],
]);

export function copy(dict: Dict, runtime: Runtime): Dict {
  runtime.budget.build(dict.size * elementBytes * 2);
  runtime.budget.step(dict.size);
  return Dict.of(dict.entries());
}

/** Puts into a dictionary what another, or pairs, or names give. */
export function fill(dict: Dict, name: string, runtime: Runtime, given: readonly Item[], named: Named): void {
  if (given.length > 1) throw new ExpressionError(`${name} expected at most 1 argument, got ${given.length}`);
  const [from] = given;
  const put = (key: Item, value: Item) => {
    runtime.budget.step();
    runtime.budget.build(elementBytes * 2);
    dict.set(key, value);
  };
  if (from instanceof Dict) for (const [key, value] of [...from.entries()]) put(key, value);
  else if (from !== undefined) {
    let index = 0;
    for (const pair of iterate(from, runtime)) {
      const parts = collect(pair, runtime);
      if (parts.length !== 2) {
        throw new ExpressionError(
          `dictionary update sequence element #${index} has length ${parts.length}; 2 is required`,
        );
      }
      put(parts[0] as Item, parts[1] as Item);
      index++;
    }
  }
  for (const [key, value] of named) put(key, value);
}
