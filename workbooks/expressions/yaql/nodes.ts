/** Marks an argument that was left out: `f(, 1)`. */
export const noValue = Symbol('no value');

/** A part of a parsed expression. */
export type Node = Constant | Call | Wrap | MappingRule;

/** A literal; a word such as `name` is one too, which may stand for a key or a parameter. */
export class Constant {
  readonly value: unknown;
  readonly isKeyword: boolean;
  readonly depth = 1;

  constructor(value: unknown, isKeyword = false) {
    this.value = value;
    this.isKeyword = isKeyword;
  }
}

/** Anything that calls a function by name, operators and literals of lists too. */
export class Call {
  readonly name: string;
  readonly args: readonly Argument[];
  /** Whether it was written as a call, so that it may stand after a point. */
  readonly isFunction: boolean;
  readonly depth: number;

  constructor(name: string, args: readonly Argument[], isFunction = false) {
    this.name = name;
    this.args = args;
    this.isFunction = isFunction;
    this.depth = 1 + Math.max(0, ...args.map((argument) => (argument === noValue ? 0 : argument.depth)));
  }
}

/** An expression in parentheses. */
export class Wrap {
  readonly inner: Node;
  readonly depth: number;

  constructor(inner: Node) {
    this.inner = inner;
    this.depth = inner.depth;
  }
}

/** `key => value` among arguments. */
export class MappingRule {
  readonly source: Node;
  readonly destination: Node;
  readonly depth: number;

  constructor(source: Node, destination: Node) {
    this.source = source;
    this.destination = destination;
    this.depth = 1 + Math.max(source.depth, destination.depth);
  }
}

export type Argument = Node | typeof noValue;

export function isNode(value: unknown): value is Node {
  return (
    value instanceof Call ||
    value instanceof Constant ||
    value instanceof Wrap ||
    value instanceof MappingRule
  );
}
