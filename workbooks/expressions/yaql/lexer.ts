import { letterEscapes } from '../python/escapes.ts';
import { type Float, float, type Integer, integer } from '../python/float.ts';
import { asciiDigits, beginsWord, characterAt, isDigit, isWord } from './characters.ts';
import { SyntaxFault } from './fault.ts';

/** `symbol` is an operator, also one that is a word, or one of `( ) [ ] { } , =>`. */
export type Token =
  | { readonly kind: 'number'; readonly value: Integer | number | Float; readonly offset: number }
  | {
      readonly kind: 'string' | 'word' | 'call' | 'variable' | 'symbol';
      readonly value: string;
      readonly offset: number;
    }
  | { readonly kind: 'end'; readonly value: ''; readonly offset: number };

/** More than this is no expression, in UTF-16 units. */
const longest = 256 * 1024;

/** Python converts no more digits than this to an integer. */
const mostDigits = 4300;

const wordOperators: ReadonlySet<string> = new Set(['mod', 'not', 'and', 'or', 'in']);

const symbols = ['?.', '=~', '!~', '->', '=>', '>=', '<=', '!=', ...'.+-*{/><=[()],}'];

/**
 * The tokens of an expression, with the end last.
 * @throws SyntaxFault
 */
export function tokens(text: string): Token[] {
  if (text.length > longest) throw new SyntaxFault('the expression is too long', 0);
  const found: Token[] = [];
  let index = 0;
  while (index < text.length) {
    if (' \t\r\n'.includes(text[index] ?? '')) index++;
    else {
      const { token, end } = tokenAt(text, index);
      found.push(token);
      index = end;
    }
  }
  found.push({ kind: 'end', value: '', offset: text.length });
  return found;
}

interface Read {
  readonly token: Token;
  readonly end: number;
}

function tokenAt(text: string, offset: number): Read {
  const character = characterAt(text, offset);
  if (character === '$') {
    const end = wordEnd(text, offset + 1);
    return { token: { kind: 'variable', value: text.slice(offset, end), offset }, end };
  }
  if (isDigit(character)) return numberAt(text, offset);
  if (beginsWord(character)) return wordAt(text, offset);
  if (character === "'" || character === '"' || character === '`') return stringAt(text, offset, character);
  const symbol = symbols.find((candidate) => text.startsWith(candidate, offset));
  if (symbol === undefined) throw illegal(text, offset);
  return { token: { kind: 'symbol', value: symbol, offset }, end: offset + symbol.length };
}

function illegal(text: string, offset: number): SyntaxFault {
  return new SyntaxFault(`illegal character ${JSON.stringify(characterAt(text, offset))}`, offset);
}

function wordEnd(text: string, from: number): number {
  return runEnd(text, from, isWord);
}

function runEnd(text: string, from: number, holds: (character: string) => boolean): number {
  let index = from;
  for (;;) {
    const character = characterAt(text, index);
    if (character === '' || !holds(character)) return index;
    index += character.length;
  }
}

function numberAt(text: string, offset: number): Read {
  let end = runEnd(text, offset, isDigit);
  if (text[end] === '.' && isDigit(characterAt(text, end + 1) || ' ')) {
    const fraction = runEnd(text, end + 1, isDigit);
    if (!isWord(characterAt(text, fraction) || ' ')) {
      const value = float(Number(asciiDigits(text.slice(offset, fraction))));
      return { token: { kind: 'number', value, offset }, end: fraction };
    }
  }
  end = runEnd(text, offset, isDigit);
  if (isWord(characterAt(text, end) || ' ')) throw illegal(text, offset);
  const digits = asciiDigits(text.slice(offset, end));
  if (digits.length > mostDigits) throw new SyntaxFault('the number has too many digits', offset);
  return { token: { kind: 'number', value: integer(BigInt(digits)), offset }, end };
}

function wordAt(text: string, offset: number): Read {
  const end = wordEnd(text, offset);
  const value = text.slice(offset, end);
  if (text[end] === '(') return { token: { kind: 'call', value, offset }, end: end + 1 };
  if (value.startsWith('__')) throw illegal(text, offset);
  return { token: { kind: wordOperators.has(value) ? 'symbol' : 'word', value, offset }, end };
}

function stringAt(text: string, offset: number, quote: string): Read {
  for (let index = offset + 1; index < text.length; index++) {
    const unit = text[index];
    if (unit === quote) {
      const raw = text.slice(offset + 1, index);
      const value = quote === '`' ? raw.replaceAll('\\`', '`') : unescaped(raw, offset);
      return { token: { kind: 'string', value, offset }, end: index + 1 };
    }
    if (unit === '\\') {
      index++;
      if (text[index] === '\n' || index >= text.length) break;
    }
  }
  throw illegal(text, offset);
}

/** The escapes that Python knows; what looks like none stays as it is. */
const escapeForm = /\\(?:U([^\n]{8})|u([^\n]{4})|x([^\n]{2})|([0-7]{1,3})|N\{([^}]+)\}|([\\'"abfnrtv]))/gu;

function unescaped(raw: string, offset: number): string {
  if (!raw.includes('\\')) return raw;
  return raw.replace(escapeForm, (_all, long, short, byte, octal, name, letter) => {
    if (letter !== undefined) return letterEscapes[letter] ?? letter;
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    if (name !== undefined) throw new SyntaxFault('characters cannot be written by their names', offset);
    const digits: string = long ?? short ?? byte;
    const code = /^[0-9a-fA-F]+$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
    if (!(code <= 0x10ffff)) throw new SyntaxFault('an escape in the text names no character', offset);
    return String.fromCodePoint(code);
  });
}
