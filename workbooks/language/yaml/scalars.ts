import { describeCharacter, isBreak, isBreakOrEnd, isGap, space, tab } from './characters.ts';
import type { Cursor } from './cursor.ts';
import { type Token, YamlFault } from './tokens.ts';

const escapes: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\x07',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
  e: '\x1b',
  ' ': ' ',
  '"': '"',
  '\\': '\\',
  '/': '/',
  N: '\x85',
  _: '\xa0',
  L: '\u2028',
  P: '\u2029',
};

const escapeDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** A scalar without quotes. `atLineStart` says whether a key may follow, because it ended with a line. */
export function scanPlain(
  cursor: Cursor,
  indent: number,
  inFlow: boolean,
): { readonly token: Token; readonly crossedLine: boolean } {
  const start = cursor.at;
  let text = '';
  let gap = '';
  let end = start;
  let crossedLine = false;
  let lines = 0;
  while (cursor.peek() !== 0x23) {
    const from = cursor.at;
    skipPlain(cursor, inFlow);
    if (cursor.at === from) break;
    if (crossedLine) lines += 1;
    crossedLine = false;
    text += gap + cursor.text.slice(from, cursor.at);
    end = cursor.at;
    const line = cursor.line;
    const next = plainGap(cursor);
    crossedLine = cursor.line > line;
    if (!next || cursor.peek() === 0x23 || (!inFlow && cursor.column < indent)) break;
    gap = next;
  }
  const verbatim = lines === 0 ? { verbatim: start } : {};
  return { token: { kind: 'scalar', start, end, text, plain: true, ...verbatim }, crossedLine };
}

/** To the first character that a plain scalar cannot hold where it stands. */
function skipPlain(cursor: Cursor, inFlow: boolean): void {
  const { text } = cursor;
  let { at } = cursor;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isLetter(code)) continue;
    if (isGap(code)) break;
    if (code === 0x3a) {
      const next = at + 1 < text.length ? text.charCodeAt(at + 1) : 0;
      if (isGap(next) || (inFlow && (next === 0x2c || isBracket(next)))) break;
    } else if (inFlow && (code === 0x2c || code === 0x3f || isBracket(code))) break;
  }
  cursor.at = at;
}

/** The most frequent, and never of a meaning. */
function isLetter(code: number): boolean {
  return code >= 0x61 && code <= 0x7a;
}

function isBracket(code: number): boolean {
  return code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d;
}

/** What two parts of a plain scalar are joined by; undefined or empty if nothing can follow. */
function plainGap(cursor: Cursor): string | undefined {
  const from = cursor.at;
  cursor.takeSpaces();
  if (!isBreak(cursor.peek())) return cursor.text.slice(from, cursor.at);
  const first = cursor.takeBreak();
  if (cursor.isAtSeparator) return undefined;
  let breaks = '';
  for (;;) {
    if (cursor.peek() === space) cursor.at += 1;
    else if (isBreak(cursor.peek())) {
      breaks += cursor.takeBreak();
      if (cursor.isAtSeparator) return undefined;
    } else break;
  }
  return joined(first, breaks);
}

/** One line break is a blank, several are one less. */
function joined(first: string, breaks: string): string {
  if (first !== '\n') return first + breaks;
  return breaks === '' ? ' ' : breaks;
}

export function scanQuoted(cursor: Cursor): Token {
  const start = cursor.at;
  const double = cursor.peek() === 0x22;
  const line = cursor.line;
  cursor.at += 1;
  const parts: string[] = [];
  for (;;) {
    scanQuotedText(cursor, double, parts);
    if (cursor.peek() === (double ? 0x22 : 0x27)) break;
    scanQuotedGap(cursor, start, parts);
  }
  cursor.at += 1;
  const text = parts.join('');
  // Two escapes may make a pair, as in JSON; half a pair is no text.
  if (!text.isWellFormed()) throw new YamlFault(start, 'the text holds half of a surrogate pair');
  const asIs = cursor.line === line && text.length === cursor.at - start - 2;
  return { kind: 'scalar', start, end: cursor.at, text, ...(asIs && { verbatim: start + 1 }) };
}

function scanQuotedText(cursor: Cursor, double: boolean, parts: string[]): void {
  for (;;) {
    const from = cursor.at;
    for (;;) {
      const code = cursor.peek();
      if (isGap(code) || code === 0x27 || code === 0x22 || code === 0x5c) break;
      cursor.at += 1;
    }
    if (cursor.at > from) parts.push(cursor.text.slice(from, cursor.at));
    const code = cursor.peek();
    if (!double && code === 0x27 && cursor.peek(1) === 0x27) {
      parts.push("'");
      cursor.at += 2;
    } else if ((double && code === 0x27) || (!double && (code === 0x22 || code === 0x5c))) {
      parts.push(String.fromCharCode(code));
      cursor.at += 1;
    } else if (double && code === 0x5c) scanEscape(cursor, parts);
    else return;
  }
}

function scanEscape(cursor: Cursor, parts: string[]): void {
  const start = cursor.at;
  cursor.at += 1;
  const character = cursor.text.charAt(cursor.at);
  const plain = Object.hasOwn(escapes, character) ? escapes[character] : undefined;
  if (plain !== undefined) {
    parts.push(plain);
    cursor.at += 1;
    return;
  }
  const digits = Object.hasOwn(escapeDigits, character) ? escapeDigits[character] : undefined;
  if (digits !== undefined) {
    const written = cursor.text.slice(cursor.at + 1, cursor.at + 1 + digits);
    if (written.length < digits || !/^[0-9A-Fa-f]+$/.test(written)) {
      throw new YamlFault(start, `\`\\${character}\` needs ${digits} hexadecimal digits behind it`);
    }
    const code = Number.parseInt(written, 16);
    if (code > 0x10ffff) throw new YamlFault(start, `\`\\${character}${written}\` is no character`);
    parts.push(String.fromCodePoint(code));
    cursor.at += 1 + digits;
    return;
  }
  if (!isBreak(cursor.peek())) {
    const found = describeCharacter(cursor.text, cursor.at);
    throw new YamlFault(
      start,
      `a \`\\\` before ${found} means nothing within double quotes: write \`\\\\\`, or single quotes`,
    );
  }
  cursor.takeBreak();
  parts.push(scanQuotedBreaks(cursor));
}

function scanQuotedGap(cursor: Cursor, start: number, parts: string[]): void {
  const from = cursor.at;
  while (cursor.peek() === space || cursor.peek() === tab) cursor.at += 1;
  const blanks = cursor.text.slice(from, cursor.at);
  if (cursor.peek() === 0) throw new YamlFault(start, 'the quotes that open here are never closed');
  if (!isBreak(cursor.peek())) {
    parts.push(blanks);
    return;
  }
  const first = cursor.takeBreak();
  parts.push(joined(first, scanQuotedBreaks(cursor)));
}

function scanQuotedBreaks(cursor: Cursor): string {
  let breaks = '';
  for (;;) {
    if (cursor.isAtSeparator)
      throw new YamlFault(cursor.at, 'a document ends here within quotes that were not closed');
    while (cursor.peek() === space || cursor.peek() === tab) cursor.at += 1;
    if (!isBreak(cursor.peek())) return breaks;
    breaks += cursor.takeBreak();
  }
}

/** The text of `|` and `>`, given the indentation of what they stand in. */
export function scanBlock(cursor: Cursor, outer: number): Token {
  const start = cursor.at;
  const folded = cursor.peek() === 0x3e;
  cursor.at += 1;
  const { keep, increment } = scanBlockHeader(cursor);
  const least = Math.max(outer + 1, 1);
  const lead = increment === undefined ? leadingBreaks(cursor) : undefined;
  const indent = lead ? Math.max(least, lead.indent) : least + (increment ?? 1) - 1;
  let breaks = lead ? lead.breaks : blockBreaks(cursor, indent);
  const parts: string[] = [];
  let lineBreak = '';
  let end = cursor.at;
  while (cursor.column === indent && cursor.peek() !== 0) {
    parts.push(breaks);
    const flush = cursor.peek() !== space && cursor.peek() !== tab;
    const from = cursor.at;
    while (!isBreakOrEnd(cursor.peek())) cursor.at += 1;
    parts.push(cursor.text.slice(from, cursor.at));
    end = cursor.at;
    lineBreak = cursor.takeBreak();
    breaks = blockBreaks(cursor, indent);
    if (cursor.column !== indent || cursor.peek() === 0) break;
    const folds = folded && lineBreak === '\n' && flush && cursor.peek() !== space && cursor.peek() !== tab;
    if (!folds) parts.push(lineBreak);
    else if (breaks === '') parts.push(' ');
  }
  if (keep !== false) parts.push(lineBreak);
  if (keep === true) parts.push(breaks);
  return { kind: 'scalar', start, end, text: parts.join('') };
}

/** Whether the breaks at the end are kept (undefined: one of them), and the indentation, if it was given. */
function scanBlockHeader(cursor: Cursor): { readonly keep?: boolean; readonly increment?: number } {
  let keep: boolean | undefined;
  let increment: number | undefined;
  for (let turn = 0; turn < 2; turn += 1) {
    const code = cursor.peek();
    if (keep === undefined && (code === 0x2b || code === 0x2d)) keep = code === 0x2b;
    else if (increment === undefined && code >= 0x30 && code <= 0x39) {
      if (code === 0x30) throw new YamlFault(cursor.at, 'the indentation of a block of text is from 1 to 9');
      increment = code - 0x30;
    } else break;
    cursor.at += 1;
  }
  if (cursor.peek() !== space && !isBreakOrEnd(cursor.peek())) throw badHeader(cursor);
  cursor.takeSpaces();
  if (cursor.peek() === 0x23) while (!isBreakOrEnd(cursor.peek())) cursor.at += 1;
  if (!isBreakOrEnd(cursor.peek())) throw badHeader(cursor);
  cursor.takeBreak();
  return { ...(keep !== undefined && { keep }), ...(increment !== undefined && { increment }) };
}

function badHeader(cursor: Cursor): YamlFault {
  const found = describeCharacter(cursor.text, cursor.at);
  return new YamlFault(cursor.at, `found ${found} behind \`|\` or \`>\`: the text begins in the next line`);
}

function leadingBreaks(cursor: Cursor): { readonly breaks: string; readonly indent: number } {
  let breaks = '';
  let indent = 0;
  for (;;) {
    if (cursor.peek() === space) {
      cursor.takeSpaces();
      indent = Math.max(indent, cursor.column);
    } else if (isBreak(cursor.peek())) breaks += cursor.takeBreak();
    else return { breaks, indent };
  }
}

function blockBreaks(cursor: Cursor, indent: number): string {
  let breaks = '';
  for (;;) {
    while (cursor.peek() === space && cursor.column < indent) cursor.at += 1;
    if (!isBreak(cursor.peek())) return breaks;
    breaks += cursor.takeBreak();
  }
}
