/** A piece of a template. Operators have themselves as their type. */
export interface Token {
  readonly type: TokenType;
  /** Of a name or operator as written, of a text what it stands for, of a number its digits. */
  readonly value: string;
  readonly offset: number;
}

export type TokenType =
  | 'data'
  | 'variable_begin'
  | 'variable_end'
  | 'block_begin'
  | 'block_end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'eof';

/** A fault of the template's text. */
export class TemplateFault extends Error {
  override readonly name = 'TemplateFault';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** How a message calls a token. */
export function describe(token: Token): string {
  switch (token.type) {
    case 'name':
    case 'operator':
      return token.value;
    default:
      return describeType(token.type);
  }
}

export function describeType(type: string): string {
  switch (type) {
    case 'block_begin':
      return 'begin of statement block';
    case 'block_end':
      return 'end of statement block';
    case 'variable_begin':
      return 'begin of print statement';
    case 'variable_end':
      return 'end of print statement';
    case 'data':
      return 'template data / text';
    case 'eof':
      return 'end of template';
    default:
      return type;
  }
}
