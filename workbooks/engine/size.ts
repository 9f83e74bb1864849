import type { Value } from '../expressions/value.ts';
import { RunError } from './run-error.ts';

/**
 * Levels of lists and dictionaries in anything that a run holds: what reads or writes it goes down level by level, and
 * must not fall through the stack in the middle of a workflow.
 */
export const deepestValue = 500;

/** Bytes as JSON of all that a run holds, what tasks share counted for each: so large it is when it goes on elsewhere. */
export const largestRun = 128 * 1024 * 1024;

/** Bytes that a value has as JSON, or nearly. What was measured once is known: values of a run are never changed. */
export class Sizes {
  readonly #known = new WeakMap<object, { readonly size: number; readonly depth: number }>();

  /** @throws RunError where it is nested too deeply */
  of(value: Value): number {
    return this.#measured(value, deepestValue).size;
  }

  #measured(value: Value, left: number): { readonly size: number; readonly depth: number } {
    if (typeof value === 'string') return { size: textSize(value), depth: 0 };
    if (typeof value !== 'object' || value === null) return small;
    const known = this.#known.get(value);
    if (known !== undefined && known.depth <= left) return known;
    if (left <= 0) throw new RunError(`a value is nested more than ${deepestValue} levels deep`);
    let size = 2;
    let depth = 0;
    const take = (item: Value) => {
      const inner = this.#measured(item, left - 1);
      size += inner.size + 1;
      depth = Math.max(depth, inner.depth);
    };
    if (Array.isArray(value)) for (const item of value as readonly Value[]) take(item);
    else {
      for (const [key, item] of Object.entries(value)) {
        size += textSize(key) + 1;
        take(item as Value);
      }
    }
    const measured = { size, depth: depth + 1 };
    this.#known.set(value, measured);
    return measured;
  }
}

const small = { size: 8, depth: 0 };

/** With quotes, escaped as JSON is; what is not ASCII counts as the most that UTF-8 takes for it. */
function textSize(text: string): number {
  if (!/[^\x20\x21\x23-\x5b\x5d-\x7e]/.test(text)) return text.length + 2;
  const { length } = JSON.stringify(text);
  return /[^\0-\x7f]/.test(text) ? 3 * length : length;
}

/** What a run holds in all: each part is told again whenever it is replaced. */
export class Holdings {
  readonly #sizes = new Sizes();
  readonly #parts = new WeakMap<object, Map<string, number>>();
  #total = 0;

  /**
   * @param owner what has the part, by its name
   * @throws RunError where the value is nested too deeply, or the run would hold too much
   */
  hold(owner: object, part: string, value: Value): void {
    const size = this.#sizes.of(value);
    let parts = this.#parts.get(owner);
    if (parts === undefined) {
      parts = new Map();
      this.#parts.set(owner, parts);
    }
    const total = this.#total + size - (parts.get(part) ?? 0);
    // What is refused is not held: there is room for the words that say so.
    if (total > largestRun) throw tooLarge();
    this.#total = total;
    parts.set(part, size);
  }

  /** Looks at a value that is in the run already. @throws RunError as `hold` */
  check(value: Value): void {
    if (this.#sizes.of(value) > largestRun) throw tooLarge();
  }
}

function tooLarge(): RunError {
  return new RunError(
    `the run would hold more than ${largestRun / 1024 ** 2} MiB in the contexts, inputs and results of its tasks: hand over where a large value is instead of what it is`,
  );
}
