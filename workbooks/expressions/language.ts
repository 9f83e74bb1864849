import type { Dictionary, Value } from './value.ts';

/**
 * A function that an expression may call besides those of its language: Mistral's `task()`, `env()`, `json_parse()` …
 * Arguments by position, then by name. It throws an `ExpressionError` where it is called wrongly.
 */
export type HostFunction = (args: readonly Value[], named: Dictionary) => Value;

/** What an expression sees: nothing else is reachable from within. */
export interface Scope {
  /** `$` in YAQL, `_` in Jinja. */
  readonly data: Value;
  readonly functions: ReadonlyMap<string, HostFunction>;
  readonly source: EntropySource;
  readonly limits: Limits;
}

/** Where time and chance come from: inside of a workflow they have to be the same at every replay. */
export interface EntropySource {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A version 4 UUID. */
  uuid(): string;
  /** From 0 up to, but not including, 1. */
  random(): number;
}

/** No expression may hang or blow up a worker; counted, not timed, so that a replay stops at the same place. */
export interface Limits {
  /** Steps of evaluation: every node, every element that passes through a query. */
  readonly steps: number;
  /** Elements that one iteration may give: Mistral's `limit_iterators`. */
  readonly iterations: number;
  /** Bytes, estimated, of what an expression may build: Mistral's `memory_quota`. */
  readonly memory: number;
  /** Nesting of an expression, and of calls of its lambdas. */
  readonly depth: number;
}

/**
 * The steps suffice to order 10,000 elements by two keys, and take well below a second of a slow machine: the SDK takes a
 * workflow for dead that holds its worker for seconds.
 */
export const defaultLimits: Limits = {
  steps: 1_200_000,
  iterations: 100_000,
  memory: 64 * 1024 * 1024,
  depth: 200,
};

/** A language of expressions: what stands between `<%` and `%>`, or in `{{ }}` and `{% %}`. */
export interface Language {
  readonly name: 'yaql' | 'jinja';
  /** Whether the text contains anything of this language. */
  isIn(text: string): boolean;
  /** Every fault of the expressions in a text, with its offset there; none if it can be evaluated. Never throws. */
  check(text: string): readonly ExpressionFault[];
  /**
   * A text whose whole is one expression gives the expression's value with its type; otherwise a string with every
   * expression replaced by its text, as Mistral forms it.
   * @throws ExpressionError
   */
  evaluate(text: string, scope: Scope): Value;
}

export interface ExpressionFault {
  /** In UTF-16 units from the beginning of the text. */
  readonly offset: number;
  readonly message: string;
}

/** An expression that cannot be evaluated. The message names what is wrong, and never holds the data it saw. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}
