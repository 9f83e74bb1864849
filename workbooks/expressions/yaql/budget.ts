import type { EntropySource, HostFunction, Limits } from '../language.ts';
import { YaqlError } from './fault.ts';

/** Bytes that are built at the cost of one step, so that work on large texts and lists is bounded too. */
const bytesAStep = 64;

/** What one evaluation may still spend. Counted, so that every replay stops at the same place. */
export class Budget {
  readonly limits: Limits;
  readonly source: EntropySource;
  readonly functions: ReadonlyMap<string, HostFunction>;
  #steps: number;
  #depth = 0;
  readonly #seen = new Set<string>();

  constructor(limits: Limits, source: EntropySource, functions: ReadonlyMap<string, HostFunction>) {
    this.limits = limits;
    this.source = source;
    this.functions = functions;
    this.#steps = limits.steps;
  }

  /** @throws YaqlError where the steps are used up */
  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new YaqlError('the expression takes too many steps', 'limit');
  }

  /** Whether a text comes for the first time: what is kept between evaluations is spent for once in each of them. */
  isNew(text: string): boolean {
    if (this.#seen.has(text)) return false;
    if (this.#seen.size >= 100) this.#seen.clear();
    this.#seen.add(text);
    return true;
  }

  /** Goes one level deeper; `leave` has to follow. */
  enter(): void {
    this.nests(++this.#depth);
  }

  /** @throws YaqlError where something nests too deeply */
  nests(depth: number): void {
    if (depth > this.limits.depth) {
      throw new YaqlError(`the expression nests deeper than ${this.limits.depth} levels`, 'limit');
    }
  }

  leave(): void {
    this.#depth--;
  }

  /** How deep it is now: whoever goes on after a fault comes back to it. */
  get depth(): number {
    return this.#depth;
  }

  set depth(depth: number) {
    this.#depth = depth;
  }

  /** Says beforehand that so many bytes will be built, as one thing. */
  build(bytes: number): void {
    if (bytes > this.limits.memory) throw new YaqlError('the expression takes too much memory', 'limit');
    if (bytes >= bytesAStep) this.step(Math.ceil(bytes / bytesAStep));
  }

  /** A text of so many UTF-16 units. */
  text(length: number): void {
    this.build(2 * length);
  }

  /** A list of so many elements. */
  list(length: number): void {
    this.build(8 * length);
  }

  /** How many elements one iteration may give. */
  elements(count: number): void {
    if (count > this.limits.iterations) {
      throw new YaqlError(`a collection has more than ${this.limits.iterations} elements`, 'limit');
    }
  }
}
