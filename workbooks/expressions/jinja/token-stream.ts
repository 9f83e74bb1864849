import { describe, describeType, TemplateFault, type Token, type TokenType } from './token.ts';

/** The tokens of a template, read one after the other. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #index = 0;

  /** @param tokens ending with `eof`. */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get current(): Token {
    return this.#tokens[Math.min(this.#index, this.#tokens.length - 1)] as Token;
  }

  get ahead(): Token {
    return this.#tokens[Math.min(this.#index + 1, this.#tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.current;
    this.#index++;
    return token;
  }

  is(type: TokenType, value?: string): boolean {
    return this.current.type === type && (value === undefined || this.current.value === value);
  }

  isName(...names: readonly string[]): boolean {
    return this.current.type === 'name' && names.includes(this.current.value);
  }

  isOperator(value: string): boolean {
    return this.is('operator', value);
  }

  /** Goes on if the current token is this one. */
  skip(type: TokenType, value?: string): boolean {
    if (!this.is(type, value)) return false;
    this.#index++;
    return true;
  }

  expect(type: TokenType, value?: string): Token {
    if (this.is(type, value)) return this.next();
    const expected = value ?? describeType(type);
    if (this.current.type === 'eof') this.fail(`unexpected end of template, expected '${expected}'.`);
    return this.fail(`expected token '${expected}', got '${describe(this.current)}'`);
  }

  fail(message: string, at: Token = this.current): never {
    throw new TemplateFault(message, at.offset);
  }
}
