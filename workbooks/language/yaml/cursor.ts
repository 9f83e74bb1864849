import { carriageReturn, isBreak, isGap, lineFeed } from './characters.ts';

/** A place in a text that moves on, and knows its line and column. */
export class Cursor {
  readonly text: string;
  at = 0;
  line = 0;
  #lineStart = 0;
  /** Whether columns and UTF-16 units may differ. */
  readonly #wide: boolean;

  constructor(text: string) {
    this.text = text;
    this.#wide = /[\ud800-\udfff\ufeff]/.test(text);
  }

  /** The code of the character `ahead` from here; 0 at the end. */
  peek(ahead = 0): number {
    const at = this.at + ahead;
    return at < this.text.length ? this.text.charCodeAt(at) : 0;
  }

  /** In characters, from 0; a byte order mark takes no room. */
  get column(): number {
    return this.charactersSince(this.#lineStart);
  }

  charactersSince(from: number): number {
    const units = this.at - from;
    if (!this.#wide) return units;
    let characters = 0;
    for (let at = from; at < this.at; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code !== 0xfeff && !(code >= 0xdc00 && code <= 0xdfff)) characters += 1;
    }
    return characters;
  }

  /** Over one line break, if one is here: its text, in which all forms but two are a line feed. */
  takeBreak(): string {
    const code = this.peek();
    if (!isBreak(code)) return '';
    this.at += code === carriageReturn && this.peek(1) === lineFeed ? 2 : 1;
    this.line += 1;
    this.#lineStart = this.at;
    return code === 0x2028 || code === 0x2029 ? String.fromCharCode(code) : '\n';
  }

  takeSpaces(): void {
    while (this.peek() === 0x20) this.at += 1;
  }

  /** Whether `---` or `...` stands alone here; the caller knows that a line begins. */
  isAtMarker(marker: '---' | '...'): boolean {
    return this.text.startsWith(marker, this.at) && isGap(this.peek(3));
  }

  get isAtSeparator(): boolean {
    return this.isAtMarker('---') || this.isAtMarker('...');
  }
}
