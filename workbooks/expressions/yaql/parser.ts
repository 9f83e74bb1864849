import { defaultLimits } from '../language.ts';
import { SyntaxFault } from './fault.ts';
import { type Token, tokens } from './lexer.ts';
import { type Argument, Call, Constant, MappingRule, type Node, noValue, Wrap } from './nodes.ts';

/** How strongly operators bind; `[` stands for an index. */
const binary: Readonly<Record<string, number>> = {
  '->': 1,
  or: 2,
  and: 3,
  '>': 5,
  '<': 5,
  '>=': 5,
  '<=': 5,
  '!=': 5,
  '=': 5,
  in: 5,
  '+': 6,
  '-': 6,
  '*': 7,
  '/': 7,
  mod: 7,
  '=~': 8,
  '!~': 8,
  '[': 10,
  '.': 11,
  '?.': 11,
};

const unary: Readonly<Record<string, number>> = { not: 4, '+': 9, '-': 9 };

const aliases: Readonly<Record<string, string>> = { '=': '*equal', '!=': '*not_equal' };

/** Expressions nest no deeper; a chain of operators nests to the left. */
const deepest = defaultLimits.depth;

/**
 * Parses an expression.
 * @throws SyntaxFault where the text is none
 */
export function parse(text: string): Node {
  const parser = new Parser(tokens(text));
  const node = parser.expression(0);
  parser.expectEnd();
  return node;
}

class Parser {
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(found: readonly Token[]) {
    this.#tokens = found;
  }

  get #token(): Token {
    const token = this.#tokens[this.#index];
    if (!token) throw new SyntaxFault('unexpected end of the expression', 0);
    return token;
  }

  #next(): Token {
    const token = this.#token;
    this.#index++;
    return token;
  }

  #isAt(symbol: string): boolean {
    const token = this.#token;
    return token.kind === 'symbol' && token.value === symbol;
  }

  #skip(symbol: string): boolean {
    if (!this.#isAt(symbol)) return false;
    this.#index++;
    return true;
  }

  #expect(symbol: string): void {
    if (!this.#skip(symbol)) throw this.#unexpected(this.#token);
  }

  #unexpected(token: Token): SyntaxFault {
    const message = token.kind === 'end' ? 'unexpected end of the expression' : `unexpected ${shown(token)}`;
    return new SyntaxFault(message, token.offset);
  }

  expectEnd(): void {
    if (this.#token.kind !== 'end') throw this.#unexpected(this.#token);
  }

  /** An expression whose operators bind at least so strongly. */
  expression(strength: number): Node {
    if (++this.#depth > deepest) throw this.#tooDeep();
    let left = this.#prefix();
    for (;;) {
      const token = this.#token;
      const symbol = token.kind === 'symbol' ? String(token.value) : '';
      const bound = binary[symbol];
      if (bound === undefined || bound < strength) break;
      this.#index++;
      if (symbol === '[') left = new Call('#indexer', [left, ...this.#arguments(']')]);
      else {
        // To the left, but for the arrow.
        const right = this.expression(symbol === '->' ? bound : bound + 1);
        left = new Call(aliases[symbol] ?? `#operator_${symbol}`, [left, right]);
      }
      if (left.depth > deepest) throw this.#tooDeep();
    }
    this.#depth--;
    return left;
  }

  #tooDeep(): SyntaxFault {
    return new SyntaxFault(`the expression nests deeper than ${deepest} levels`, this.#token.offset);
  }

  #prefix(): Node {
    const token = this.#next();
    switch (token.kind) {
      case 'number':
      case 'string':
        return new Constant(token.value);
      case 'word':
        return word(token.value);
      case 'variable':
        return new Call('#get_context_data', [new Constant(token.value)]);
      case 'call':
        return new Call(token.value, this.#arguments(')'), true);
      case 'symbol':
        return this.#symbol(token);
      default:
        throw this.#unexpected(token);
    }
  }

  #symbol(token: Token): Node {
    const symbol = String(token.value);
    switch (symbol) {
      case '(': {
        const inner = this.expression(0);
        this.#expect(')');
        return new Wrap(inner);
      }
      case '[':
        return new Call('#list', this.#arguments(']'));
      case '{':
        return new Call('#map', this.#arguments('}'));
      default: {
        const strength = unary[symbol];
        if (strength === undefined) throw this.#unexpected(token);
        return new Call(`#unary_operator_${symbol}`, [this.expression(strength)]);
      }
    }
  }

  /**
   * Arguments up to a closing mark: those by position first, of which some may be left out, though not the last one;
   * then those by name. One may be left out before the first name if there is one by position before it.
   */
  #arguments(close: string): Argument[] {
    const found: Argument[] = [];
    if (this.#skip(close)) return found;
    let named = false;
    let gap = 0;
    for (;;) {
      if (!named && this.#skip(',')) {
        found.push(noValue);
        gap++;
        continue;
      }
      const value = this.expression(0);
      if (this.#isAt('=>')) {
        const byPosition = found.some((argument) => argument !== noValue);
        if (!named && gap > (byPosition ? 1 : 0)) throw this.#unexpected(this.#token);
        this.#index++;
        found.push(new MappingRule(value, this.expression(0)));
        named = true;
      } else if (named) throw this.#unexpected(this.#token);
      else found.push(value);
      if (this.#skip(close)) return found;
      this.#expect(',');
      gap = 0;
    }
  }
}

function word(text: string): Constant {
  if (text === 'true') return new Constant(true);
  if (text === 'false') return new Constant(false);
  return text === 'null' ? new Constant(null) : new Constant(text, true);
}

function shown(token: Token): string {
  if (token.kind === 'string') return 'text';
  if (token.kind === 'number') return 'number';
  const text = token.kind === 'call' ? `${token.value}(` : token.value;
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
