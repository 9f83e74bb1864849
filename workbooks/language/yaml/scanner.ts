import { describeCharacter, findForbidden, isBreakOrEnd, isGap } from './characters.ts';
import { Cursor } from './cursor.ts';
import { scanBlock, scanPlain, scanQuoted } from './scalars.ts';
import { scanDirective, scanTag } from './tags.ts';
import { type Token, type TokenKind, YamlFault } from './tokens.ts';

/** Deeper than any workbook, and shallow enough for whoever walks through it by recursion. */
export const nestingLimit = 200;

/** A key on one line may be this long, its value's `:` included: a rule of YAML. */
const keyLimit = 1024;

const nothing: readonly TokenKind[] = [];
const nextKey: readonly TokenKind[] = ['key'];
const firstKey: readonly TokenKind[] = ['map start', 'key'];

/** A token that turns out to be a key when a `:` follows on its line. */
interface PossibleKey {
  readonly index: number;
  readonly start: number;
  readonly line: number;
  readonly column: number;
  /** Where a block's indentation leaves room for nothing but a key. */
  readonly required: boolean;
}

/**
 * The tokens of a text in YAML 1.1, as PyYAML finds them with Mistral's change: `&`, `*` and `@` begin plain text, so
 * that there are no anchors, and nothing that could grow by them. The last token is the end, or the fault that ended it.
 */
export function scanYaml(text: string): readonly Token[] {
  const forbidden = findForbidden(text);
  if (forbidden !== undefined) {
    const found = describeCharacter(text, forbidden);
    return [{ kind: 'fault', start: forbidden, end: forbidden, text: `${found} is not allowed in YAML` }];
  }
  return new Scanner(text).scan();
}

class Scanner {
  readonly #cursor: Cursor;
  readonly #tokens: Token[] = [];
  /** By index of a token: what has to stand before it. */
  readonly #before: (readonly TokenKind[] | undefined)[] = [];
  readonly #indents: number[] = [];
  #indent = -1;
  #flow = 0;
  #keyAllowed = true;
  /** By the level of flow collections; at most one is possible in each. */
  readonly #possible: (PossibleKey | undefined)[] = [];

  constructor(text: string) {
    this.#cursor = new Cursor(text);
  }

  scan(): readonly Token[] {
    if (this.#cursor.peek() === 0xfeff) this.#cursor.at += 1;
    try {
      while (this.#next());
    } catch (fault) {
      if (!(fault instanceof YamlFault)) throw fault;
      this.#add({ kind: 'fault', start: fault.offset, end: fault.offset, text: fault.message });
    }
    return this.#withKeys();
  }

  #withKeys(): readonly Token[] {
    const all: Token[] = [];
    for (const [index, token] of this.#tokens.entries()) {
      const { start } = token;
      for (const kind of this.#before[index] ?? nothing) all.push({ kind, start, end: start, text: '' });
      all.push(token);
    }
    return all;
  }

  #next(): boolean {
    this.#skip();
    this.#dropStaleKeys();
    const cursor = this.#cursor;
    const column = cursor.column;
    this.#unwind(column);
    const code = cursor.peek();
    if (code === 0) return this.#end();
    if (column === 0) {
      if (code === 0x25) return this.#outside(() => scanDirective(cursor));
      if (cursor.isAtMarker('---')) return this.#outside(() => this.#take('document start', 3));
      if (cursor.isAtMarker('...')) return this.#outside(() => this.#take('document end', 3));
    }
    switch (code) {
      case 0x5b:
        return this.#openFlow('[');
      case 0x7b:
        return this.#openFlow('{');
      case 0x5d:
        return this.#closeFlow(']');
      case 0x7d:
        return this.#closeFlow('}');
      case 0x2c:
        return this.#comma();
      case 0x21:
        return this.#inline(() => scanTag(cursor));
      case 0x27:
      case 0x22:
        return this.#inline(() => scanQuoted(cursor));
      case 0x7c:
      case 0x3e:
        if (this.#flow === 0) return this.#block();
        break;
      case 0x2d:
        if (isGap(cursor.peek(1))) return this.#entry(column);
        break;
      case 0x3f:
        if (this.#flow > 0 || isGap(cursor.peek(1))) return this.#key(column);
        break;
      case 0x3a:
        if (this.#flow > 0 || isGap(cursor.peek(1))) return this.#value(column);
        break;
      default:
    }
    if (this.#startsPlain(code)) return this.#plain();
    throw new YamlFault(cursor.at, this.#cannotStart());
  }

  #cannotStart(): string {
    const { text, at } = this.#cursor;
    const found = describeCharacter(text, at);
    if (text[at] === '\t') return 'a tab stands where YAML allows only blanks';
    return `nothing can begin with ${found} here: put the text in quotes`;
  }

  #startsPlain(code: number): boolean {
    if (isGap(code)) return false;
    const character = String.fromCharCode(code);
    if (!'-?:,[]{}#!|>\'"%`'.includes(character)) return true;
    if (isGap(this.#cursor.peek(1))) return false;
    return character === '-' || (this.#flow === 0 && (character === '?' || character === ':'));
  }

  #skip(): void {
    const cursor = this.#cursor;
    for (;;) {
      cursor.takeSpaces();
      if (cursor.peek() === 0x23) while (!isBreakOrEnd(cursor.peek())) cursor.at += 1;
      if (cursor.takeBreak() === '') return;
      if (this.#flow === 0) this.#keyAllowed = true;
    }
  }

  #push(kind: TokenKind, start: number): void {
    this.#add({ kind, start, end: this.#cursor.at, text: '' });
  }

  #add(token: Token): void {
    this.#tokens.push(token);
    this.#before.push(undefined);
  }

  #take(kind: TokenKind, length: number): Token {
    const start = this.#cursor.at;
    this.#cursor.at += length;
    return { kind, start, end: this.#cursor.at, text: '' };
  }

  // Keys that are recognized by what follows them.

  #dropStaleKeys(): void {
    const cursor = this.#cursor;
    for (let level = 0; level <= this.#flow; level += 1) {
      const key = this.#possible[level];
      if (!key) continue;
      if (
        key.line === cursor.line &&
        (cursor.at - key.start <= keyLimit || cursor.charactersSince(key.start) <= keyLimit)
      ) {
        continue;
      }
      this.#dropKey(level);
    }
  }

  #dropKey(level: number): void {
    const key = this.#possible[level];
    if (key?.required) {
      throw new YamlFault(key.start, 'a key is expected here, with a `:` behind it on the same line');
    }
    this.#possible[level] = undefined;
  }

  #rememberKey(): void {
    if (!this.#keyAllowed) return;
    this.#dropKey(this.#flow);
    const { at: start, line, column } = this.#cursor;
    const required = this.#flow === 0 && this.#indent === column;
    this.#possible[this.#flow] = { index: this.#tokens.length, start, line, column, required };
  }

  // Indentation.

  #unwind(column: number): void {
    if (this.#flow > 0) return;
    while (this.#indent > column) {
      this.#indent = this.#indents.pop() ?? -1;
      this.#push('block end', this.#cursor.at);
    }
  }

  #indentTo(column: number): boolean {
    if (this.#indent >= column) return false;
    this.#indents.push(this.#indent);
    this.#indent = column;
    this.#checkNesting();
    return true;
  }

  #checkNesting(): void {
    if (this.#indents.length + this.#flow > nestingLimit) {
      throw new YamlFault(this.#cursor.at, `nested deeper than ${nestingLimit} levels`);
    }
  }

  // One method for each kind of token.

  #end(): boolean {
    this.#unwind(-1);
    this.#dropKey(this.#flow);
    this.#push('stream end', this.#cursor.at);
    return false;
  }

  #outside(scan: () => Token): boolean {
    this.#unwind(-1);
    this.#dropKey(this.#flow);
    this.#keyAllowed = false;
    this.#add(scan());
    return true;
  }

  #openFlow(kind: '[' | '{'): boolean {
    this.#rememberKey();
    this.#flow += 1;
    this.#checkNesting();
    this.#keyAllowed = true;
    this.#add(this.#take(kind, 1));
    return true;
  }

  #closeFlow(kind: ']' | '}'): boolean {
    if (this.#flow === 0) throw new YamlFault(this.#cursor.at, `a \`${kind}\` closes what was not opened`);
    this.#dropKey(this.#flow);
    this.#flow -= 1;
    this.#keyAllowed = false;
    this.#add(this.#take(kind, 1));
    return true;
  }

  #comma(): boolean {
    this.#keyAllowed = true;
    this.#dropKey(this.#flow);
    this.#add(this.#take(',', 1));
    return true;
  }

  #entry(column: number): boolean {
    if (this.#flow === 0) {
      if (!this.#keyAllowed)
        throw new YamlFault(this.#cursor.at, 'a list cannot begin here: `- ` stands on a line of its own');
      if (this.#indentTo(column)) this.#push('list start', this.#cursor.at);
    }
    this.#keyAllowed = true;
    this.#dropKey(this.#flow);
    this.#add(this.#take('-', 1));
    return true;
  }

  #key(column: number): boolean {
    if (this.#flow === 0) {
      if (!this.#keyAllowed) throw new YamlFault(this.#cursor.at, 'a key cannot begin here');
      if (this.#indentTo(column)) this.#push('map start', this.#cursor.at);
    }
    this.#keyAllowed = this.#flow === 0;
    this.#dropKey(this.#flow);
    this.#add(this.#take('key', 1));
    return true;
  }

  #value(column: number): boolean {
    const key = this.#possible[this.#flow];
    if (key) {
      this.#possible[this.#flow] = undefined;
      const starts = this.#flow === 0 && this.#indentTo(key.column);
      this.#before[key.index] = starts ? firstKey : nextKey;
      this.#keyAllowed = false;
    } else {
      if (this.#flow === 0) {
        if (!this.#keyAllowed) {
          throw new YamlFault(
            this.#cursor.at,
            'a second `: ` in one value: put the value in quotes, or break the line',
          );
        }
        if (this.#indentTo(column)) this.#push('map start', this.#cursor.at);
      }
      this.#keyAllowed = this.#flow === 0;
      this.#dropKey(this.#flow);
    }
    this.#add(this.#take('value', 1));
    return true;
  }

  /** What may be a key, if a `:` follows. */
  #inline(scan: () => Token): boolean {
    this.#rememberKey();
    this.#keyAllowed = false;
    this.#add(scan());
    return true;
  }

  #plain(): boolean {
    this.#rememberKey();
    const { token, crossedLine } = scanPlain(this.#cursor, this.#indent + 1, this.#flow > 0);
    this.#keyAllowed = crossedLine;
    this.#add(token);
    return true;
  }

  #block(): boolean {
    this.#keyAllowed = true;
    this.#dropKey(this.#flow);
    this.#add(scanBlock(this.#cursor, this.#indent));
    return true;
  }
}
