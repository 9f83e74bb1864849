import { ExpressionError } from './language.ts';
import type { PatternFlags } from './pattern.ts';

/** A regular expression of Python's, as the engine writes it. */
export interface Translation {
  readonly text: string;
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
  /** Whether `$` stands for the end of the text, or for a last end of line. */
  readonly hasDollar: boolean;
}

/** Longer ones are refused, in characters. */
const longest = 10_000;

/** Groups nest no deeper. */
const deepest = 100;

const word = '\\p{L}\\p{N}_';
const space =
  '\\t-\\r\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}';
const notSpace =
  '\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}' +
  '\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}';

/** Everything that is no word, as ranges: a class of characters cannot hold what is negated by two categories. */
let notWordRanges: string | undefined;

function notWord(): string {
  if (notWordRanges !== undefined) return notWordRanges;
  const isWord = /[\p{L}\p{N}_]/u;
  let ranges = '';
  let from = -1;
  for (let code = 0; code <= 0x110000; code++) {
    const outside = code < 0x110000 && !isWord.test(String.fromCodePoint(code));
    if (outside && from < 0) from = code;
    else if (!outside && from >= 0) {
      ranges += `\\x{${from.toString(16)}}-\\x{${(code - 1).toString(16)}}`;
      from = -1;
    }
  }
  notWordRanges = ranges;
  return ranges;
}

const classes: Readonly<Record<string, { outside: string; inside: () => string }>> = {
  d: { outside: '\\p{Nd}', inside: () => '\\p{Nd}' },
  D: { outside: '\\P{Nd}', inside: () => '\\P{Nd}' },
  w: { outside: `[${word}]`, inside: () => word },
  W: { outside: `[^${word}]`, inside: notWord },
  s: { outside: `[${space}]`, inside: () => space },
  S: { outside: `[^${space}]`, inside: () => notSpace },
};

const asciiClasses: Readonly<Record<string, { outside: string; inside: () => string }>> = {
  d: { outside: '[0-9]', inside: () => '0-9' },
  D: { outside: '[^0-9]', inside: () => '\\x{0}-\\x{2f}\\x{3a}-\\x{10ffff}' },
  w: { outside: '[0-9A-Za-z_]', inside: () => '0-9A-Za-z_' },
  W: {
    outside: '[^0-9A-Za-z_]',
    inside: () => '\\x{0}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{5e}\\x{60}\\x{7b}-\\x{10ffff}',
  },
  s: { outside: '[\\t-\\r ]', inside: () => '\\t-\\r ' },
  S: { outside: '[^\\t-\\r ]', inside: () => '\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}' },
};

const controls: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/**
 * Reads a regular expression by Python's rules and writes it by the engine's.
 * @throws ExpressionError where it breaks the rules, or has what the engine has not
 */
export function translated(source: string, flags: PatternFlags): Translation {
  if (source.length > longest) throw new ExpressionError('the regular expression is too long');
  return new Translator(source, flags).translate();
}

function wrong(reason: string): ExpressionError {
  return new ExpressionError(`the regular expression is wrong: ${reason}`);
}

function lacking(what: string): ExpressionError {
  return new ExpressionError(`regular expressions here have no ${what}`);
}

function codeText(code: number): string {
  return `\\x{${code.toString(16)}}`;
}

class Translator {
  readonly #source: readonly string[];
  #index = 0;
  #groups = 0;
  readonly #names = new Map<string, number>();
  #hasDollar = false;
  #multiLine: boolean;
  #verbose = false;
  #ascii = false;
  #depth = 0;
  readonly #flags: PatternFlags;

  constructor(source: string, flags: PatternFlags) {
    this.#source = [...source];
    this.#flags = flags;
    this.#multiLine = flags.multiLine ?? false;
  }

  translate(): Translation {
    let letters = `${this.#flags.ignoreCase ? 'i' : ''}${this.#flags.dotAll ? 's' : ''}`;
    letters += this.#leadingFlags();
    const text = this.#alternatives();
    if (this.#index < this.#source.length) throw wrong('a parenthesis closes nothing');
    const opening = letters === '' ? '' : `(?${[...new Set(letters)].join('')})`;
    return { text: opening + text, groups: this.#groups, names: this.#names, hasDollar: this.#hasDollar };
  }

  get #character(): string | undefined {
    return this.#source[this.#index];
  }

  #startsWith(text: string): boolean {
    return [...text].every((character, offset) => this.#source[this.#index + offset] === character);
  }

  #take(text: string): boolean {
    if (!this.#startsWith(text)) return false;
    this.#index += text.length;
    return true;
  }

  /** Flags for the whole, which may stand at the very beginning alone: `(?im)`. */
  #leadingFlags(): string {
    let letters = '';
    for (;;) {
      const found = /^\(\?([aiLmsux]+)\)/.exec(this.#source.slice(this.#index, this.#index + 12).join(''));
      if (!found?.[1]) return letters;
      letters += this.#setFlags(found[1]);
      this.#index += found[0].length;
    }
  }

  #setFlags(found: string): string {
    if (found.includes('L')) throw wrong('the flag L is for bytes alone');
    if (found.includes('m')) this.#multiLine = true;
    if (found.includes('x')) this.#verbose = true;
    if (found.includes('a')) this.#ascii = true;
    return found.replace(/[^is]/g, '');
  }

  #alternatives(): string {
    this.#depth++;
    if (this.#depth > deepest) throw wrong('groups nest too deeply');
    let written = this.#sequence();
    while (this.#take('|')) written += `|${this.#sequence()}`;
    this.#depth--;
    return written;
  }

  #sequence(): string {
    let written = '';
    for (;;) {
      const character = this.#character;
      if (character === undefined || character === '|' || character === ')') return written;
      if (this.#verbose && this.#skipVerbose()) continue;
      const item = this.#item();
      if (item === undefined) continue;
      written += item.text + this.#quantifier(item.repeats);
    }
  }

  #skipVerbose(): boolean {
    if (' \t\n\r\f\v'.includes(this.#character ?? 'x')) {
      this.#index++;
      return true;
    }
    if (this.#character !== '#') return false;
    const end = this.#source.indexOf('\n', this.#index);
    this.#index = end < 0 ? this.#source.length : end;
    return true;
  }

  #item(): { text: string; repeats: boolean } | undefined {
    const character = this.#source[this.#index++] ?? '';
    switch (character) {
      case '.':
        return { text: '.', repeats: true };
      case '^':
        return { text: this.#multiLine ? '(?m:^)' : '\\A', repeats: false };
      case '$':
        if (!this.#multiLine) this.#hasDollar = true;
        return { text: this.#multiLine ? '(?m:$)' : '\\z', repeats: false };
      case '(':
        return this.#group();
      case '[':
        return { text: this.#class(), repeats: true };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw wrong('there is nothing to repeat');
      case '{':
        if (this.#bounds(this.#index)) throw wrong('there is nothing to repeat');
        return { text: '\\{', repeats: true };
      default:
        return { text: literal(character), repeats: true };
    }
  }

  /** `{m,n}` at a place behind its brace; undefined where it is none, and so a text. */
  #bounds(from: number): { least: number; most: number | undefined; end: number } | undefined {
    const found = /^([0-9]*)(,?)([0-9]*)\}/.exec(this.#source.slice(from, from + 32).join(''));
    if (!found || (found[1] === '' && found[2] === '')) return undefined;
    const least = found[1] === '' ? 0 : Number(found[1]);
    const most = found[2] === '' ? least : found[3] === '' ? undefined : Number(found[3]);
    if (most !== undefined && most < least) throw wrong('a repetition has its bounds the wrong way round');
    return { least, most, end: from + found[0].length };
  }

  #quantifier(repeats: boolean): string {
    while (this.#verbose && this.#character !== undefined && this.#skipVerbose());
    let written = '';
    const character = this.#character;
    if (character === '*' || character === '+' || character === '?') {
      this.#index++;
      written = character;
    } else if (character === '{') {
      const bounds = this.#bounds(this.#index + 1);
      if (!bounds) return '';
      this.#index = bounds.end;
      written = `{${bounds.least},${bounds.most ?? ''}}`;
    } else return '';
    if (!repeats) throw wrong('there is nothing to repeat');
    if (this.#take('?')) written += '?';
    else if (this.#character === '+') throw lacking('possessive repetitions');
    const follows = this.#character;
    const isMore = follows === '*' || follows === '+' || follows === '?';
    if (isMore || (follows === '{' && this.#bounds(this.#index + 1)))
      throw wrong('what repeats is repeated again');
    return written;
  }

  #group(): { text: string; repeats: boolean } | undefined {
    if (!this.#take('?')) {
      this.#groups++;
      return { text: `(${this.#closed()})`, repeats: true };
    }
    if (this.#take('#')) {
      while (this.#character !== undefined && this.#character !== ')') this.#index++;
      if (!this.#take(')')) throw wrong('a comment is not closed');
      return undefined;
    }
    if (this.#take(':')) return { text: `(?:${this.#closed()})`, repeats: true };
    if (this.#take('=') || this.#take('!')) throw lacking('look-ahead');
    if (this.#take('<=') || this.#take('<!')) throw lacking('look-behind');
    if (this.#take('>')) throw lacking('atomic groups');
    if (this.#take('(')) throw lacking('conditional groups');
    if (this.#take('P=')) throw lacking('back-references');
    if (this.#take('P<')) return this.#named();
    return this.#flagged();
  }

  #closed(): string {
    const written = this.#alternatives();
    if (!this.#take(')')) throw wrong('a parenthesis is not closed');
    return written;
  }

  #named(): { text: string; repeats: boolean } {
    const end = this.#source.indexOf('>', this.#index);
    const name = end < 0 ? '' : this.#source.slice(this.#index, end).join('');
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw wrong('the name of a group is no name');
    if (this.#names.has(name)) throw wrong('two groups have one name');
    this.#index = end + 1;
    this.#names.set(name, ++this.#groups);
    return { text: `(${this.#closed()})`, repeats: true };
  }

  /** `(?i:…)`, `(?-i:…)`. */
  #flagged(): { text: string; repeats: boolean } {
    const found = /^([aimsux]*)(?:-([imsx]+))?([:)])/.exec(
      this.#source.slice(this.#index, this.#index + 16).join(''),
    );
    const [all = '', on = '', off = '', close] = found ?? [];
    if (!found || on + off === '') throw wrong('a group begins with something unknown');
    if (close === ')') throw wrong('flags for the whole stand not at its beginning');
    this.#index += all.length;
    const before = { multiLine: this.#multiLine, verbose: this.#verbose, ascii: this.#ascii };
    const letters = this.#setFlags(on);
    if (off.includes('m')) this.#multiLine = false;
    if (off.includes('x')) this.#verbose = false;
    const less = off.replace(/[^is]/g, '');
    const inner = this.#closed();
    this.#multiLine = before.multiLine;
    this.#verbose = before.verbose;
    this.#ascii = before.ascii;
    return { text: `(?${letters}${less === '' ? '' : `-${less}`}:${inner})`, repeats: true };
  }

  #escape(): { text: string; repeats: boolean } {
    const character = this.#source[this.#index++];
    if (character === undefined) throw wrong('it ends with a backslash');
    const known = (this.#ascii ? asciiClasses : classes)[character];
    if (known) return { text: known.outside, repeats: true };
    if (character === 'A') return { text: '\\A', repeats: false };
    if (character === 'Z') return { text: '\\z', repeats: false };
    if (character === 'b' || character === 'B') return { text: `\\${character}`, repeats: false };
    if (/[1-9]/.test(character)) {
      const octal = /^[0-3]?[0-7]{2}$/.exec(this.#source.slice(this.#index - 1, this.#index + 2).join(''));
      if (octal?.[0].length !== 3) throw lacking('back-references');
    }
    return { text: codeText(this.#code(character)), repeats: true };
  }

  /** The character that an escape stands for. */
  #code(character: string): number {
    if (/[0-7]/.test(character)) {
      const octal =
        /^[0-7]{1,3}/.exec(this.#source.slice(this.#index - 1, this.#index + 2).join(''))?.[0] ?? '';
      this.#index += octal.length - 1;
      const code = Number.parseInt(octal, 8);
      if (code > 0o377) throw wrong('an octal escape is too large');
      return code;
    }
    const digits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
    const count = digits[character];
    if (count !== undefined) {
      const hex = this.#source.slice(this.#index, this.#index + count).join('');
      if (hex.length !== count || !/^[0-9a-fA-F]+$/.test(hex)) throw wrong('an escape lacks digits');
      this.#index += count;
      const code = Number.parseInt(hex, 16);
      if (code > 0x10ffff) throw wrong('an escape names no character');
      return code;
    }
    const control = controls[character];
    if (control !== undefined) return control;
    if (/[A-Za-z0-9]/.test(character)) throw wrong(`there is no escape \\${character}`);
    return character.codePointAt(0) ?? 0;
  }

  #class(): string {
    let written = this.#take('^') ? '[^' : '[';
    let isFirst = true;
    for (;;) {
      const character = this.#source[this.#index++];
      if (character === undefined) throw wrong('a class of characters is not closed');
      if (character === ']' && !isFirst) return `${written}]`;
      isFirst = false;
      const low = this.#member(character);
      if (this.#character !== '-' || this.#source[this.#index + 1] === ']') {
        written += low.text;
        continue;
      }
      this.#index++;
      const last = this.#source[this.#index++];
      if (last === undefined) throw wrong('a class of characters is not closed');
      const high = this.#member(last);
      if (low.code === undefined || high.code === undefined || high.code < low.code) {
        throw wrong('a range of characters has wrong ends');
      }
      written += `${low.text}-${high.text}`;
    }
  }

  #member(character: string): { text: string; code: number | undefined } {
    if (character !== '\\') {
      const code = character.codePointAt(0) ?? 0;
      return { text: codeText(code), code };
    }
    const escaped = this.#source[this.#index++];
    if (escaped === undefined) throw wrong('a class of characters is not closed');
    const known = (this.#ascii ? asciiClasses : classes)[escaped];
    if (known) return { text: known.inside(), code: undefined };
    const code = this.#code(escaped);
    return { text: codeText(code), code };
  }
}

function literal(character: string): string {
  return /[A-Za-z0-9_ ]/.test(character) ? character : codeText(character.codePointAt(0) ?? 0);
}
