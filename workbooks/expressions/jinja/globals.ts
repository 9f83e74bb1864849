import { ExpressionError } from '../language.ts';
import { Dict, Range, Tuple } from './containers.ts';
import { truth, typeName } from './describe.ts';
import { lipsum } from './lipsum.ts';
import { fill } from './methods/dict.ts';
import { Callable, type Item, Thing } from './object.ts';
import { asInteger } from './operators.ts';
import { bind, type Operation } from './signature.ts';

/** The longest range that the sandbox lets be. */
const longestRange = 100_000;

/** Attributes under names of the template's own choice: what `set ns.x` in a loop changes outside of it. */
export class Namespace extends Thing {
  override readonly type = 'jinja2.utils.Namespace';
  readonly attributes: Dict;

  constructor(attributes: Dict) {
    super();
    this.attributes = attributes;
  }

  override attribute(name: string): Item | undefined {
    return this.attributes.get(name);
  }

  override represent(show: (part: unknown) => string): string {
    return `<Namespace ${show(this.attributes)}>`;
  }
}

/** Gives its values in turn. */
class Cycler extends Thing {
  override readonly type = 'jinja2.utils.Cycler';
  readonly #items: readonly Item[];
  #position = 0;

  constructor(items: readonly Item[]) {
    super();
    this.#items = items;
  }

  override attribute(name: string): Item | undefined {
    switch (name) {
      case 'items':
        return new Tuple(this.#items);
      case 'pos':
        return this.#position;
      case 'current':
        return this.#items[this.#position];
      case 'reset':
        return new Callable('reset', () => {
          this.#position = 0;
          return null;
        });
      case 'next':
        return new Callable('next', () => {
          const item = this.#items[this.#position] ?? null;
          this.#position = (this.#position + 1) % this.#items.length;
          return item;
        });
      default:
        return undefined;
    }
  }
}

/** Gives nothing the first time, and from then on what divides. */
class Joiner extends Thing {
  override readonly type = 'jinja2.utils.Joiner';
  readonly #separator: Item;
  #used = false;

  constructor(separator: Item) {
    super();
    this.#separator = separator;
  }

  override get isCallable(): boolean {
    return true;
  }

  override attribute(name: string): Item | undefined {
    return name === 'sep' ? this.#separator : name === 'used' ? this.#used : undefined;
  }

  override call(): Item {
    const isFirst = !this.#used;
    this.#used = true;
    return isFirst ? '' : this.#separator;
  }
}

function range(given: readonly Item[]): Range {
  const [first, second, third] = given.map((item) => {
    const number = asInteger(item);
    if (number === undefined) {
      throw new ExpressionError(`'${typeName(item)}' object cannot be interpreted as an integer`);
    }
    return Number(number);
  });
  if (first === undefined) throw new ExpressionError('range expected at least 1 argument, got 0');
  if (given.length > 3) throw new ExpressionError(`range expected at most 3 arguments, got ${given.length}`);
  if (third === 0) throw new ExpressionError('range() arg 3 must not be zero');
  const made = second === undefined ? new Range(0, first, 1) : new Range(first, second, third ?? 1);
  if (made.length() > longestRange) {
    throw new ExpressionError(
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${longestRange}).`,
    );
  }
  return made;
}

function dict(name: string): Operation {
  return (runtime, _, given, named) => {
    const made = new Dict();
    fill(made, name, runtime, given, named);
    return made;
  };
}

function global(name: string, run: Operation): [string, Callable] {
  return [name, new Callable(name, (runtime, given, named) => run(runtime, null, given, named))];
}

/** What every template can name besides its data and Mistral's functions. */
export const globals: ReadonlyMap<string, Callable> = new Map([
  global('range', (_, __, given, named) => {
    if (named.size > 0) throw new ExpressionError('range() takes no keyword arguments');
    return range(given);
  }),
  global('dict', dict('dict')),
  global('namespace', (runtime, value, given, named) => {
    return new Namespace(dict('dict')(runtime, value, given, named) as Dict);
  }),
  global('cycler', (_, __, given) => {
    if (given.length === 0) throw new ExpressionError('at least one item has to be provided');
    return new Cycler(given);
  }),
  global('joiner', (_, __, given, named) => {
    const [separator = ', '] = bind('joiner', ['sep'], 0, given, named);
    return new Joiner(separator);
  }),
  global('lipsum', (runtime, _, given, named) => {
    const bound = bind('lipsum', ['n', 'html', 'min', 'max'], 0, given, named);
    const [count = 5, html = true, least = 20, most = 100] = bound;
    return lipsum(runtime, wholeNumber(count), truth(html), wholeNumber(least), wholeNumber(most));
  }),
]);

function wholeNumber(item: Item): number {
  const number = asInteger(item);
  if (number === undefined) throw new ExpressionError(`an integer is required, not ${typeName(item)}`);
  return Number(number);
}
