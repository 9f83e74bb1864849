import type { CallSite } from './call_site.ts';
import { each, Lazy } from './collections.ts';
import { operate } from './evaluate.ts';
import { isTrue } from './truth.ts';
import type { Lambda } from './types.ts';

/** A collection in order; it is sorted when it is first gone through, by all the selectors that it has by then. */
export class Ordering extends Lazy {
  readonly #site: CallSite;
  readonly #source: unknown;
  readonly #selectors: { readonly select: Lambda; readonly ascends: boolean }[] = [];
  #sorted: readonly unknown[] | undefined;

  constructor(site: CallSite, source: unknown) {
    super();
    this.#site = site;
    this.#source = source;
  }

  by(select: Lambda, ascends: boolean): this {
    this.#selectors.push({ select, ascends });
    return this;
  }

  begin(): Iterator<unknown> {
    this.#sorted ??= this.#site.array(each(this.#source)).sort((left, right) => this.#compare(left, right));
    return this.#sorted[Symbol.iterator]();
  }

  #compare(left: unknown, right: unknown): number {
    const { context } = this.#site;
    for (const { select, ascends } of this.#selectors) {
      const a = select(left);
      const b = select(right);
      const order = isTrue(operate('#operator_<', a, b, context))
        ? -1
        : isTrue(operate('#operator_>', a, b, context))
          ? 1
          : 0;
      if (order !== 0) return ascends ? order : -order;
    }
    return 0;
  }
}
