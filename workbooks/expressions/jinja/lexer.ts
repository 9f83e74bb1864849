import { isSpace, skipSpace, spaceBefore } from '../python/space.ts';
import { readLiteral } from './string-literal.ts';
import { TemplateFault, type Token, type TokenType } from './token.ts';

const operators = new Set([
  ...[
    '+',
    '-',
    '/',
    '//',
    '*',
    '%',
    '**',
    '~',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    '==',
    '!=',
    '>',
    '>=',
    '<',
    '<=',
  ],
  ...['=', '.', ':', '|', ',', ';'],
]);
const closing: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

const float = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const word = /[\p{L}\p{N}\p{ID_Continue}_]+/uy;
const identifier = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;

/** A template with `\n` at the end of each line; the last line's is dropped. */
export function normalize(source: string): string {
  const text = source.replace(/\r\n|\r/g, '\n');
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}

/**
 * The tokens of a template, as Jinja's lexer gives them with `trim_blocks` and `lstrip_blocks`, up to an `eof`.
 * @param source normalized.
 * @param within begins inside of `{{`: for a text that is an expression.
 * @throws TemplateFault
 */
export function tokenize(source: string, within: boolean): Token[] {
  return new Lexer(source).run(within);
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  /** Whether what was read last ended a line: only there is white space before a block taken away. */
  #lineStarts = true;

  constructor(source: string) {
    this.#source = source;
  }

  run(within: boolean): Token[] {
    if (within) this.#readTag('variable');
    while (this.#position < this.#source.length) this.#readRoot();
    this.#tokens.push({ type: 'eof', value: '', offset: this.#source.length });
    return this.#tokens;
  }

  #add(type: TokenType, value: string, offset: number): void {
    this.#tokens.push({ type, value, offset });
  }

  #advance(end: number): void {
    if (end > this.#position) this.#lineStarts = this.#source[end - 1] === '\n';
    this.#position = end;
  }

  /** Text up to the next tag, and that tag. */
  #readRoot(): void {
    const source = this.#source;
    const start = this.#position;
    const tag = nextTag(source, start);
    if (tag < 0) {
      this.#add('data', source.slice(start), start);
      this.#advance(source.length);
      return;
    }
    const kind = source[tag + 1];
    const raw = kind === '%' ? rawBegin(source, tag) : undefined;
    const sign = signAt(source, tag + 2);
    this.#addData(start, tag, sign, kind === '{');
    if (raw !== undefined) {
      this.#advance(raw);
      this.#readRaw();
    } else {
      this.#advance(tag + 2 + sign.length);
      if (kind === '#') this.#readComment();
      else {
        this.#add(kind === '%' ? 'block_begin' : 'variable_begin', '', tag);
        this.#readTag(kind === '%' ? 'block' : 'variable');
      }
    }
  }

  #addData(start: number, end: number, sign: string, isVariable: boolean): void {
    let text = this.#source.slice(start, end);
    if (sign === '-') text = text.slice(0, spaceBefore(text));
    else if (sign !== '+' && !isVariable) {
      const line = text.lastIndexOf('\n') + 1;
      if ((line > 0 || this.#lineStarts) && skipSpace(text, line) === text.length) text = text.slice(0, line);
    }
    if (text !== '') this.#add('data', text, start);
  }

  #readComment(): void {
    const source = this.#source;
    if (this.#position === source.length) return;
    const end = source.indexOf('#}', this.#position);
    if (end < 0) throw new TemplateFault('Missing end of comment tag', this.#position);
    const sign = end > this.#position ? source[end - 1] : '';
    this.#advance(this.#afterEnd(end + 2, sign));
  }

  /** The index after the end of a block, a comment or a raw block, with what its sign takes away. */
  #afterEnd(end: number, sign: string | undefined): number {
    if (sign === '-') return skipSpace(this.#source, end);
    return sign !== '+' && this.#source[end] === '\n' ? end + 1 : end;
  }

  #readRaw(): void {
    const source = this.#source;
    const start = this.#position;
    if (start === source.length) return;
    for (let tag = source.indexOf('{%', start); tag >= 0; tag = source.indexOf('{%', tag + 1)) {
      const sign = signAt(source, tag + 2);
      const word = skipSpace(source, tag + 2 + sign.length);
      if (!source.startsWith('endraw', word)) continue;
      const end = skipSpace(source, word + 6);
      const endSign = source[end] === '-' || source[end] === '+' ? (source[end] as string) : '';
      if (!source.startsWith('%}', end + endSign.length)) continue;
      this.#addData(start, tag, sign, false);
      this.#advance(this.#afterEnd(end + endSign.length + 2, endSign));
      return;
    }
    throw new TemplateFault('Missing end of raw directive', start);
  }

  /** What stands within a tag, up to its end. */
  #readTag(kind: 'variable' | 'block'): void {
    const source = this.#source;
    const open: string[] = [];
    while (this.#position < source.length) {
      const at = this.#position;
      if (open.length === 0) {
        const end = this.#endOfTag(kind);
        if (end !== undefined) {
          this.#add(kind === 'variable' ? 'variable_end' : 'block_end', '', at);
          this.#advance(end);
          return;
        }
      }
      if (isSpace(source[at])) this.#advance(skipSpace(source, at));
      else this.#readToken(open);
    }
  }

  #endOfTag(kind: 'variable' | 'block'): number | undefined {
    const source = this.#source;
    const at = this.#position;
    const close = kind === 'variable' ? '}}' : '%}';
    if (source.startsWith(`-${close}`, at)) return skipSpace(source, at + 3);
    if (kind === 'block' && source.startsWith(`+${close}`, at)) return at + 3;
    if (!source.startsWith(close, at)) return undefined;
    return kind === 'block' ? this.#afterEnd(at + 2, '') : at + 2;
  }

  #readToken(open: string[]): void {
    const source = this.#source;
    const at = this.#position;
    const character = source[at] as string;
    const number =
      (source[at - 1] === '.' ? undefined : match(float, source, at)) ?? match(integer, source, at);
    const name = number === undefined ? match(word, source, at) : undefined;
    if (number !== undefined) {
      const isFloat = /^\d[\d_]*(?:\.|e)/i.test(number) && !/^0[xob]/i.test(number);
      this.#add(isFloat ? 'float' : 'integer', number.replaceAll('_', ''), at);
      this.#advance(at + number.length);
    } else if (name !== undefined) {
      if (!identifier.test(name)) throw new TemplateFault('Invalid character in identifier', at);
      this.#add('name', name, at);
      this.#advance(at + name.length);
    } else if (character === '"' || character === "'") this.#readString(character);
    else this.#readOperator(open);
  }

  #readString(quote: string): void {
    const source = this.#source;
    const at = this.#position;
    let end = at + 1;
    while (end < source.length && source[end] !== quote) end += source[end] === '\\' ? 2 : 1;
    if (end >= source.length) throw unexpected(source, at);
    this.#add('string', readLiteral(source.slice(at + 1, end), at), at);
    this.#advance(end + 1);
  }

  #readOperator(open: string[]): void {
    const source = this.#source;
    const at = this.#position;
    const pair = source.slice(at, at + 2);
    const value = operators.has(pair) ? pair : (source[at] as string);
    if (!operators.has(value)) throw unexpected(source, at);
    if (value in closing) open.push(closing[value] as string);
    else if (value === '}' || value === ')' || value === ']') {
      const expected = open.pop();
      if (expected === undefined) throw new TemplateFault(`unexpected '${value}'`, at);
      if (expected !== value) throw new TemplateFault(`unexpected '${value}', expected '${expected}'`, at);
    }
    this.#add('operator', value, at);
    this.#advance(at + value.length);
  }
}

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function unexpected(source: string, at: number): TemplateFault {
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  return new TemplateFault(`unexpected char ${character === "'" ? `"'"` : `'${character}'`} at ${at}`, at);
}

/** The index of the next `{{`, `{%` or `{#`; below zero if there is none. */
function nextTag(source: string, from: number): number {
  for (let at = source.indexOf('{', from); at >= 0; at = source.indexOf('{', at + 1)) {
    const next = source[at + 1];
    if (next === '{' || next === '%' || next === '#') return at;
  }
  return -1;
}

function signAt(source: string, at: number): '-' | '+' | '' {
  const sign = source[at];
  return sign === '-' || sign === '+' ? sign : '';
}

/** The index after `{% raw %}`, if it stands there. */
function rawBegin(source: string, tag: number): number | undefined {
  const word = skipSpace(source, tag + 2 + signAt(source, tag + 2).length);
  if (!source.startsWith('raw', word)) return undefined;
  const end = skipSpace(source, word + 3);
  if (source.startsWith('-%}', end)) return skipSpace(source, end + 3);
  return source.startsWith('%}', end) ? end + 2 : undefined;
}
