import { letterEscapes } from '../python/escapes.ts';
import { TemplateFault } from './token.ts';

const simple: Readonly<Record<string, string>> = {
  ...letterEscapes,
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

const widths: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/**
 * What a literal stands for, without its quotes. As Jinja does it by two codecs of Python's: characters beyond ASCII
 * become escapes first, so that a backslash before one of them escapes that escape's backslash.
 */
export function readLiteral(literal: string, offset: number): string {
  if (!literal.includes('\\')) return literal;
  const source = escapeBeyondAscii(literal);
  let text = '';
  let index = 0;
  while (index < source.length) {
    const character = source[index] as string;
    if (character !== '\\') {
      text += character;
      index++;
      continue;
    }
    const next = source[index + 1];
    if (next === undefined) throw new TemplateFault('\\ at end of string', offset);
    const octal = /^[0-7]{1,3}/.exec(source.slice(index + 1, index + 4));
    if (Object.hasOwn(simple, next)) {
      text += simple[next];
      index += 2;
    } else if (octal !== null) {
      text += String.fromCharCode(Number.parseInt(octal[0], 8));
      index += 1 + octal[0].length;
    } else if (Object.hasOwn(widths, next)) {
      const width = widths[next] ?? 0;
      const digits = source.slice(index + 2, index + 2 + width);
      if (!/^[0-9a-fA-F]+$/.test(digits) || digits.length < width) {
        throw new TemplateFault(`truncated \\${next}${'X'.repeat(width)} escape`, offset);
      }
      const code = Number.parseInt(digits, 16);
      if (code > 0x10ffff) throw new TemplateFault('illegal Unicode character', offset);
      text += String.fromCodePoint(code);
      index += 2 + width;
    } else if (next === 'N') {
      throw new TemplateFault('escapes by the name of a character are not supported', offset);
    } else {
      text += `\\${next}`;
      index += 2;
    }
  }
  return text;
}

function escapeBeyondAscii(literal: string): string {
  let ascii = '';
  for (const character of literal) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) ascii += character;
    else if (code <= 0xff) ascii += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code <= 0xffff) ascii += `\\u${code.toString(16).padStart(4, '0')}`;
    else ascii += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return ascii;
}
