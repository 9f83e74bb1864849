import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { primaryName, type RepositoryPlace } from './copies.ts';
import { ObjectMissingError, type Store } from './store.ts';

/** A store that holds the same sealed objects under the same names as its neighbours. */
export interface ObjectSource {
  /** `primary`, or the name of a copy. */
  readonly name: string;
  store(): Promise<Store>;
}

/** A source that was left in the middle, or before its first byte, and why. */
export interface SourceLeft {
  name: string;
  /** The object that was being read, a manifest's key or that of a sealed object. */
  key: string;
  /** Up to here its bytes were good. */
  offset: number;
  reason: string;
  /** Whether it did not answer, rather than answered with something that is wrong. */
  silent: boolean;
  /** Where reading goes on; null where nobody is left. */
  next: string | null;
}

export interface SourcesOptions {
  /** Milliseconds; shorter ones are for tests. */
  patience?: number;
  onLeft?: ((left: SourceLeft) => void) | undefined;
}

/** Milliseconds without a byte after which a store that others can stand in for is left. */
export const PATIENCE = 30_000;

/**
 * The stores from which a backup's objects may be read, nearest first. One that did not answer goes to the end, for as
 * long as this lives: each further try would cost the time in which it does not answer.
 */
export class ObjectSources {
  /** Milliseconds to wait for a byte; endless where there is nobody else to ask. */
  readonly patience: number;
  readonly #onLeft: ((left: SourceLeft) => void) | undefined;
  #order: ObjectSource[];

  constructor(sources: readonly ObjectSource[], options: SourcesOptions & { isAlone?: boolean } = {}) {
    this.#order = [...sources];
    const isAlone = options.isAlone ?? sources.length === 1;
    this.patience = isAlone ? Number.POSITIVE_INFINITY : (options.patience ?? PATIENCE);
    this.#onLeft = options.onLeft;
  }

  /** One store that nobody stands in for. */
  static only(store: Store): ObjectSources {
    return new ObjectSources([{ name: primaryName, store: async () => store }]);
  }

  static of(
    places: readonly Pick<RepositoryPlace, 'name' | 'repository'>[],
    options: SourcesOptions = {},
  ): ObjectSources {
    const sources = places.map((place) => ({
      name: place.name,
      store: async () => (await place.repository()).store,
    }));
    return new ObjectSources(sources, options);
  }

  get count(): number {
    return this.#order.length;
  }

  /** The nearest that is not among these; null where there is none. */
  next(without: { has(name: string): boolean }): ObjectSource | null {
    return this.#order.find(({ name }) => !without.has(name)) ?? null;
  }

  /** One of them, without those that would stand in for it, and as impatient. */
  alone(source: ObjectSource): ObjectSources {
    return new ObjectSources([source], { patience: this.patience, isAlone: false });
  }

  /**
   * What the nearest source gives that does not fail; each is asked from the beginning.
   * @throws what counts of their failures, see {@link worstOf}
   */
  async first<T>(what: string, signal: AbortSignal, ask: (source: ObjectSource) => Promise<T>): Promise<T> {
    const failures = new Map<string, unknown>();
    for (;;) {
      const source = this.next(failures);
      if (source === null) throw worstOf(failures, what);
      try {
        return await ask(source);
      } catch (error) {
        signal.throwIfAborted();
        if (!isOfStore(error)) throw error;
        failures.set(source.name, error);
        this.report(source, what, 0, error, this.next(failures));
      }
    }
  }

  /** Says that one was left, where another one can stand in for it; see {@link SourceLeft}. */
  report(source: ObjectSource, key: string, offset: number, error: unknown, next: ObjectSource | null): void {
    if (this.count === 1) return;
    const silent = isSilence(error);
    if (silent) this.#order = [...this.#order.filter(({ name }) => name !== source.name), source];
    this.#onLeft?.({
      name: source.name,
      key,
      offset,
      reason: messageOf(error),
      silent,
      next: next?.name ?? null,
    });
  }
}

/** What goes wrong where the bytes are to go, rather than where they come from. */
const ofReader: readonly string[] = ['conflict', 'no-space', 'cancelled', 'usage', 'missing-tool'];

/** Whether an error says that a store said nothing, or nothing of use, rather than something that is wrong. */
export function isSilence(error: unknown): boolean {
  return !(
    error instanceof ObjectMissingError ||
    (error instanceof BackupctlError && error.code === 'corrupt')
  );
}

/** Whether an error may be one store's own, so that another one may do better; a fault of the program is not. */
export function isOfStore(error: unknown): boolean {
  if (error instanceof BackupctlError) return !ofReader.includes(error.code);
  if (error instanceof ObjectMissingError) return true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/** What is to be thrown once every source failed: a failure that may pass counts for more than one that stays. */
export function worstOf(failures: ReadonlyMap<string, unknown>, what: string): unknown {
  const errors = [...failures.values()];
  const [first] = errors;
  if (errors.length <= 1) return first;
  const passing = errors.find((error) => error instanceof BackupctlError && error.retryable);
  const counts = passing ?? first;
  const known = counts instanceof BackupctlError ? counts : null;
  const reasons = [...failures].map(([name, error]) => `${name}: ${messageOf(error)}`).join('; ');
  return new BackupctlError(known?.code ?? 'corrupt', `${what} is whole in no repository: ${reasons}`, {
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    retryable: known?.retryable ?? false,
    cause: counts,
  });
}
