import { ExpressionError } from '../language.ts';

/** Why an expression cannot be evaluated, as far as anything depends on it. */
export type Kind = 'no match' | 'index' | 'limit' | 'other';

/** A fault of evaluation: `groupBy` looks at its kind, nobody else does. */
export class YaqlError extends ExpressionError {
  readonly kind: Kind;

  constructor(message: string, kind: Kind = 'other') {
    super(message);
    this.kind = kind;
  }
}

/** A text that is no expression, from the lexer or the parser. */
export class SyntaxFault extends Error {
  /** In UTF-16 units from the beginning of the expression. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
