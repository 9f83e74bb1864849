import { describeCharacter, isBreakOrEnd, isGap, space } from './characters.ts';
import type { Cursor } from './cursor.ts';
import { type Directive, type Tag, type Token, YamlFault } from './tokens.ts';

/** A line that begins with `%`. */
export function scanDirective(cursor: Cursor): Token {
  const start = cursor.at;
  cursor.at += 1;
  const name = take(cursor, /[0-9A-Za-z_-]*/y);
  if (name === '' || !endsField(cursor)) throw expected(cursor, 'the name of a directive');
  let directive: Directive = { name: 'other' };
  if (name === 'YAML') directive = { name: 'YAML', major: scanVersion(cursor) };
  else if (name === 'TAG') directive = scanTagDirective(cursor);
  else while (!isBreakOrEnd(cursor.peek())) cursor.at += 1;
  const end = cursor.at;
  cursor.takeSpaces();
  if (cursor.peek() === 0x23) while (!isBreakOrEnd(cursor.peek())) cursor.at += 1;
  if (!isBreakOrEnd(cursor.peek())) throw expected(cursor, 'the end of the directive');
  cursor.takeBreak();
  return { kind: 'directive', start, end, text: name, directive };
}

function scanVersion(cursor: Cursor): number {
  cursor.takeSpaces();
  const version = take(cursor, /[0-9]+\.[0-9]+/y);
  if (version === '' || !endsField(cursor)) throw expected(cursor, 'a version of YAML such as 1.1');
  return Number.parseInt(version, 10);
}

function scanTagDirective(cursor: Cursor): Directive {
  cursor.takeSpaces();
  const handle = scanHandle(cursor);
  if (cursor.peek() !== space) throw expected(cursor, 'a blank behind the handle');
  cursor.takeSpaces();
  const prefix = scanUri(cursor);
  if (!endsField(cursor)) throw expected(cursor, 'the end of the prefix');
  return { name: 'TAG', handle, prefix };
}

/** `!`, `!name`, `!!name`, `!handle!name` or `!<name>`. */
export function scanTag(cursor: Cursor): Token {
  const start = cursor.at;
  let tag: Tag;
  if (cursor.peek(1) === 0x3c) {
    cursor.at += 2;
    tag = { handle: undefined, suffix: scanUri(cursor) };
    if (cursor.peek() !== 0x3e) throw expected(cursor, '`>`');
    cursor.at += 1;
  } else if (isGap(cursor.peek(1))) {
    cursor.at += 1;
    tag = { handle: undefined, suffix: '!' };
  } else {
    let second = cursor.at + 1;
    const { text } = cursor;
    while (
      second < text.length &&
      text[second] !== '!' &&
      text[second] !== ' ' &&
      !isBreakOrEnd(text.charCodeAt(second))
    ) {
      second += 1;
    }
    let handle = '!';
    if (text[second] === '!') handle = scanHandle(cursor);
    else cursor.at += 1;
    tag = { handle, suffix: scanUri(cursor) };
  }
  if (!endsField(cursor)) throw expected(cursor, 'a blank behind the tag');
  return { kind: 'tag', start, end: cursor.at, text: text(cursor, start), tag };
}

function scanHandle(cursor: Cursor): string {
  const handle = take(cursor, /!(?:(?! )[0-9A-Za-z_-]*!)?/y);
  if (handle === '' || (handle === '!' && cursor.peek() !== space))
    throw expected(cursor, 'the handle of a tag');
  return handle;
}

function scanUri(cursor: Cursor): string {
  const start = cursor.at;
  const written = take(cursor, /(?:[0-9A-Za-z;/?:@&=+$,_.!~*'()[\]-]|%[0-9A-Fa-f]{2})+/y);
  if (written === '' || cursor.peek() === 0x25) throw expected(cursor, 'a tag');
  try {
    return decodeURIComponent(written);
  } catch {
    throw new YamlFault(start, 'the tag is no UTF-8');
  }
}

function endsField(cursor: Cursor): boolean {
  return cursor.peek() === space || isBreakOrEnd(cursor.peek());
}

function take(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text)?.[0] ?? '';
  cursor.at += found.length;
  return found;
}

function text(cursor: Cursor, start: number): string {
  return cursor.text.slice(start, cursor.at);
}

function expected(cursor: Cursor, what: string): YamlFault {
  return new YamlFault(cursor.at, `expected ${what}, and found ${describeCharacter(cursor.text, cursor.at)}`);
}
