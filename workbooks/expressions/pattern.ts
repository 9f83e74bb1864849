import { type Matcher, RE2JS } from 're2js';
import { ExpressionError } from './language.ts';
import { estimatedSize } from './pattern_size.ts';
import { translated } from './pattern_syntax.ts';

export interface PatternFlags {
  readonly ignoreCase?: boolean;
  readonly multiLine?: boolean;
  readonly dotAll?: boolean;
}

/** A match; places are UTF-16 units of the text, -1 for a group that took no part. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly { readonly text: string | null; readonly start: number; readonly end: number }[];
}

/**
 * A regular expression as Python writes it, run by an engine without backtracking: a search takes a time that grows
 * with the text alone. What such an engine cannot have, look-around and back-references, is refused and named.
 */
export class RegularExpression {
  readonly source: string;
  readonly flags: PatternFlags;
  /** The names of groups with their numbers, from 1. */
  readonly names: ReadonlyMap<string, number>;
  readonly groupCount: number;
  readonly #compiled: RE2JS;
  readonly #endsAtLine: boolean;

  private constructor(source: string, flags: PatternFlags) {
    if (estimatedSize(source) > largest) throw new ExpressionError('the regular expression is too large');
    const translation = translated(source, flags);
    this.source = source;
    this.flags = flags;
    this.names = translation.names;
    this.groupCount = translation.groups;
    this.#endsAtLine = translation.hasDollar;
    try {
      this.#compiled = RE2JS.compile(translation.text);
    } catch (error) {
      const detail =
        error instanceof Error ? error.message.replace(/^error parsing regexp: |: `.*$/gs, '') : '';
      throw new ExpressionError(`the regular expression cannot be used: ${detail}`);
    }
  }

  /** @throws ExpressionError where the text is no regular expression, or needs what the engine does not have */
  static compile(source: string, flags: PatternFlags = {}): RegularExpression {
    const key = `${Number(flags.ignoreCase)}${Number(flags.multiLine)}${Number(flags.dotAll)}${source}`;
    const known = compiled.get(key);
    if (known) return known;
    const made = new RegularExpression(source, flags);
    kept += estimatedSize(source) + source.length;
    if (kept > mostKept || compiled.size >= mostCompiled) {
      compiled.clear();
      kept = estimatedSize(source) + source.length;
    }
    compiled.set(key, made);
    return made;
  }

  /** What it takes to compile a text, in instructions: known beforehand, and whether or not it was compiled before. */
  static compileCost(source: string): number {
    return estimatedSize(source);
  }

  /** What a search of a text takes at most, in visits of a character by a state of the engine. */
  cost(text: string): number {
    return (text.length + 1) * this.#compiled.programSize();
  }

  /** The first match from a place on; null if there is none. */
  search(text: string, from = 0): Match | null {
    const found = this.#find(text, from);
    // Python's `$` holds before a last end of line too, which the engine's does not.
    if (!this.#endsAtLine || !text.endsWith('\n') || from > text.length - 1) return found;
    const before = this.#find(text.slice(0, -1), from);
    return before && (!found || before.start < found.start) ? before : found;
  }

  #find(text: string, from: number): Match | null {
    const matcher: Matcher = this.#compiled.matcher(text);
    if (from > text.length || !matcher.find(from)) return null;
    const groups = [];
    for (let group = 1; group <= this.groupCount; group++) {
      groups.push({ text: matcher.group(group), start: matcher.start(group), end: matcher.end(group) });
    }
    return { start: matcher.start(0), end: matcher.end(0), groups };
  }

  /** All matches in turn. After an empty one the search goes on behind the character that follows. */
  *matches(text: string): Generator<Match> {
    let from = 0;
    let lastEmpty = -1;
    while (from <= text.length) {
      const match = this.search(text, from);
      if (!match) return;
      if (match.start === match.end && match.start === lastEmpty) {
        from = next(text, from);
        continue;
      }
      yield match;
      lastEmpty = match.end;
      from = match.start === match.end ? next(text, match.end) : match.end;
      if (match.start !== match.end) lastEmpty = -1;
    }
  }

  /** Parts between the matches, and what their groups took, as Python's `split` gives them. */
  split(text: string, most: number): (string | null)[] {
    const parts: (string | null)[] = [];
    let from = 0;
    let cuts = 0;
    for (const match of this.matches(text)) {
      if (most > 0 && cuts++ >= most) break;
      parts.push(text.slice(from, match.start), ...match.groups.map((group) => group.text));
      from = match.end;
    }
    parts.push(text.slice(from));
    return parts;
  }

  /** With matches replaced, at most so many if the number is not 0. */
  replace(text: string, by: (match: Match) => string, most: number): string {
    let written = '';
    let from = 0;
    let count = 0;
    for (const match of this.matches(text)) {
      if (most > 0 && count++ >= most) break;
      written += text.slice(from, match.start) + by(match);
      from = match.end;
    }
    return written + text.slice(from);
  }
}

/** Instructions of one, nearly. */
const largest = 20_000;

/** Compiled ones are kept, up to so many, and so many instructions. */
const mostCompiled = 200;
const mostKept = 500_000;
let kept = 0;
const compiled = new Map<string, RegularExpression>();

function next(text: string, index: number): number {
  return index + ((text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1);
}

/** Why a text is no regular expression that can be used; undefined if it is one. */
export function patternFault(source: string, flags: PatternFlags = {}): string | undefined {
  try {
    RegularExpression.compile(source, flags);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return error.message;
    throw error;
  }
}

const simpleEscapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
};

/**
 * What replaces a match, from a template as Python's `sub` takes it: `\1`, `\g<name>` and escapes.
 * @throws ExpressionError where the template refers to no group of the expression
 */
export function replacement(
  template: string,
  expression: RegularExpression,
): (match: Match, text: string) => string {
  const parts: (string | number)[] = [];
  const group = (number: number): void => {
    if (number > expression.groupCount)
      throw new ExpressionError('a replacement refers to a group that there is not');
    parts.push(number);
  };
  const form = /\\(?:g<([^>]*)>|(0[0-7]{0,2}|[0-3][0-7]{2})|([1-9][0-9]?)|([\s\S]?))|[^\\]+/g;
  for (const [all, name, octal, number, letter] of template.matchAll(form)) {
    if (name !== undefined) {
      const known = /^[0-9]+$/.test(name) ? Number(name) : expression.names.get(name);
      if (known === undefined) throw new ExpressionError('a replacement refers to a group that there is not');
      group(known);
    } else if (octal !== undefined) parts.push(String.fromCharCode(Number.parseInt(octal, 8)));
    else if (number !== undefined) group(Number(number));
    else if (letter === undefined) parts.push(all);
    else if (Object.hasOwn(simpleEscapes, letter)) parts.push(simpleEscapes[letter] ?? '');
    else if (letter === '' || /[A-Za-z]/.test(letter))
      throw new ExpressionError('a replacement has a wrong escape');
    else parts.push(all);
  }
  return (match, text) =>
    parts
      .map((part) => {
        if (typeof part === 'string') return part;
        return part === 0 ? text.slice(match.start, match.end) : (match.groups[part - 1]?.text ?? '');
      })
      .join('');
}

/** A text as a regular expression that matches just it, as Python's `re.escape` writes it. */
export function escapePattern(text: string): string {
  return text.replace(/[()[\]{}?*+\-|^$\\.&~# \t\n\r\v\f]/g, (character) => `\\${character}`);
}
