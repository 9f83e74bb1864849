import type { Float } from '../python/float.ts';

/** What a template is made of, once read. Offsets are into the text that was parsed. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: null | boolean | number | bigint | Float | string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'tuple'; readonly items: readonly Expression[] }
  | { readonly kind: 'dict'; readonly pairs: readonly (readonly [Expression, Expression])[] }
  | { readonly kind: 'attribute'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'item'; readonly of: Expression; readonly key: Expression }
  | Slice
  | CallNode
  | FilterNode
  | TestNode
  | { readonly kind: 'unary'; readonly operator: 'not' | '-' | '+'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'logical';
      readonly operator: 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'compare'; readonly first: Expression; readonly rest: readonly Comparison[] }
  | { readonly kind: 'concat'; readonly items: readonly Expression[] }
  | {
      readonly kind: 'condition';
      readonly test: Expression;
      readonly value: Expression;
      readonly else?: Expression;
    };

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export interface Comparison {
  readonly operator: ComparisonOperator;
  readonly operand: Expression;
}

export interface Slice {
  readonly kind: 'slice';
  readonly start?: Expression;
  readonly stop?: Expression;
  readonly step?: Expression;
}

/** What stands in the parentheses of a call, a filter or a test. */
export interface Arguments {
  readonly positional: readonly Expression[];
  readonly named: readonly (readonly [string, Expression])[];
  /** `*these` and `**those`. */
  readonly list?: Expression;
  readonly dictionary?: Expression;
}

export interface CallNode {
  readonly kind: 'call';
  readonly of: Expression;
  readonly arguments: Arguments;
}

export interface FilterNode {
  readonly kind: 'filter';
  /** Undefined for the innermost of a block: it takes what the block renders. */
  readonly of: Expression | undefined;
  readonly name: string;
  readonly arguments: Arguments;
}

export interface TestNode {
  readonly kind: 'test';
  readonly of: Expression;
  readonly name: string;
  readonly arguments: Arguments;
}

/** What can be assigned to: names, tuples and lists of them, attributes of a namespace. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'tuple' | 'list'; readonly items: readonly Target[] }
  | { readonly kind: 'namespace'; readonly name: string; readonly attribute: string };

export type Statement =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | { readonly kind: 'set'; readonly target: Target; readonly value: Expression }
  | {
      readonly kind: 'set-block';
      readonly target: Target;
      readonly filter: FilterNode | undefined;
      readonly body: readonly Statement[];
    }
  | ForNode
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[];
      readonly else: readonly Statement[];
    }
  | {
      readonly kind: 'with';
      readonly values: readonly (readonly [Target, Expression])[];
      readonly body: readonly Statement[];
    }
  | { readonly kind: 'filter-block'; readonly filter: FilterNode; readonly body: readonly Statement[] }
  | { readonly kind: 'call-block'; readonly call: CallNode; readonly caller: MacroNode }
  | MacroNode
  | { readonly kind: 'autoescape'; readonly enabled: Expression; readonly body: readonly Statement[] }
  | BlockNode
  /** `include`, `import`, `from` and `extends`: there is nothing to load from. */
  | { readonly kind: 'load'; readonly template: Expression };

export interface ForNode {
  readonly kind: 'for';
  readonly target: Target;
  readonly iterable: Expression;
  readonly test: Expression | undefined;
  readonly recursive: boolean;
  readonly body: readonly Statement[];
  readonly else: readonly Statement[];
}

export interface MacroNode {
  readonly kind: 'macro';
  /** Undefined for the body of a call block. */
  readonly name: string | undefined;
  readonly parameters: readonly string[];
  /** Of the last parameters. */
  readonly defaults: readonly Expression[];
  readonly body: readonly Statement[];
}

export interface BlockNode {
  readonly kind: 'block';
  readonly name: string;
  readonly scoped: boolean;
  readonly required: boolean;
  readonly body: readonly Statement[];
}
