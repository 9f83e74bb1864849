import { Composer, type YamlComplaint } from './compose.ts';
import type { YamlNode } from './nodes.ts';
import { scanYaml } from './scanner.ts';
import { type Tag, type Token, type TokenKind, YamlFault } from './tokens.ts';

export interface ParsedYaml {
  /** Undefined if the text is no YAML, or holds nothing. */
  readonly root?: YamlNode;
  /** What is wrong, in the order it was found: a text that is no YAML has one fault, the first. */
  readonly complaints: readonly YamlComplaint[];
}

/**
 * Reads a text as Mistral does: YAML 1.1 as PyYAML's `SafeLoader` understands it, without anchors and aliases; other
 * than there, no key may stand twice in a map. Never throws.
 */
export function parseYaml(text: string): ParsedYaml {
  const composer = new Composer(text);
  try {
    const root = new Parser(text, composer).document();
    return { ...(root && { root }), complaints: composer.complaints };
  } catch (fault) {
    if (!(fault instanceof YamlFault)) throw fault;
    return { complaints: [...composer.complaints, { offset: fault.offset, message: fault.message }] };
  }
}

const defaultHandles: Readonly<Record<string, string>> = { '!': '!', '!!': 'tag:yaml.org,2002:' };

type Pair = readonly [YamlNode, YamlNode];

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #composer: Composer;
  #at = 0;
  #handles = new Map(Object.entries(defaultHandles));

  constructor(text: string, composer: Composer) {
    this.#text = text;
    this.#tokens = scanYaml(text);
    this.#composer = composer;
  }

  /** The one document of a text; undefined if it has none. */
  document(): YamlNode | undefined {
    let root: YamlNode | undefined;
    if (this.#is('directive', 'document start', 'stream end')) {
      if (this.#is('stream end')) return undefined;
      root = this.#explicitDocument();
    } else root = this.#composer.asValue(this.#node(true));
    while (this.#is('document end')) this.#take();
    if (this.#is('stream end')) return root;
    if (this.#is('directive', 'document start')) {
      throw new YamlFault(this.#next.start, 'a second document begins here: a file holds one');
    }
    throw this.#unexpected('the end of the document');
  }

  #explicitDocument(): YamlNode {
    this.#directives();
    if (!this.#is('document start')) throw this.#unexpected('`---` behind the directives');
    const start = this.#take();
    if (this.#is('directive', 'document start', 'document end', 'stream end'))
      return this.#nothing(start.end);
    return this.#composer.asValue(this.#node(true));
  }

  #directives(): void {
    const own = new Map<string, string>();
    let versions = 0;
    while (this.#is('directive')) {
      const { directive, start } = this.#take();
      if (directive?.name === 'YAML') {
        versions += 1;
        if (versions > 1) throw new YamlFault(start, 'the version of YAML is given a second time');
        if (directive.major !== 1) throw new YamlFault(start, 'YAML of version 1 is read, and no other');
      } else if (directive?.name === 'TAG') {
        if (own.has(directive.handle))
          throw new YamlFault(start, `the handle \`${directive.handle}\` is given a second time`);
        own.set(directive.handle, directive.prefix);
      }
    }
    for (const [handle, prefix] of own) this.#handles.set(handle, prefix);
  }

  #node(block: boolean, indentless = false): YamlNode {
    const tagToken = this.#is('tag') ? this.#take() : undefined;
    const tag = tagToken?.tag && this.#resolveTag(tagToken.tag, tagToken.start);
    const { kind, start } = this.#next;
    if (indentless && kind === '-') return this.#indentlessList(tagToken?.start ?? start, tag);
    if (kind === 'scalar') return this.#composer.scalar(this.#take(), tag);
    if (kind === '[') return this.#flowList(tag);
    if (kind === '{') return this.#flowMap(tag);
    if (block && kind === 'list start') return this.#blockList(tag);
    if (block && kind === 'map start') return this.#blockMap(tag);
    if (tagToken) return this.#nothing(tagToken.end, tag);
    throw this.#unexpected('a value');
  }

  #resolveTag(tag: Tag, at: number): string {
    if (tag.handle === undefined) return tag.suffix;
    const prefix = this.#handles.get(tag.handle);
    if (prefix === undefined)
      throw new YamlFault(at, `no \`%TAG\` tells what the handle \`${tag.handle}\` stands for`);
    return prefix + tag.suffix;
  }

  /** A value that was left out. */
  #nothing(at: number, tag?: string): YamlNode {
    return this.#composer.scalar({ kind: 'scalar', start: at, end: at, text: '', plain: true }, tag);
  }

  #item(node: YamlNode): YamlNode {
    return this.#composer.asValue(node);
  }

  #blockList(tag: string | undefined): YamlNode {
    const { start } = this.#take();
    const items: YamlNode[] = [];
    while (this.#is('-')) {
      const { end } = this.#take();
      items.push(this.#item(this.#is('-', 'block end') ? this.#nothing(end) : this.#node(true)));
    }
    if (!this.#is('block end')) throw this.#unexpected('the next `- ` or the end', start);
    return this.#composer.list(start, this.#take().start, items, tag);
  }

  /** A list whose `- ` stand as far left as the key they belong to. */
  #indentlessList(start: number, tag: string | undefined): YamlNode {
    const items: YamlNode[] = [];
    while (this.#is('-')) {
      const { end } = this.#take();
      items.push(
        this.#item(this.#is('-', 'key', 'value', 'block end') ? this.#nothing(end) : this.#node(true)),
      );
    }
    return this.#composer.list(start, this.#next.start, items, tag);
  }

  #blockMap(tag: string | undefined): YamlNode {
    const { start } = this.#take();
    const pairs: Pair[] = [];
    while (this.#is('key')) {
      const key = this.#blockPart();
      const value = this.#is('value') ? this.#blockPart() : this.#nothing(this.#next.start);
      pairs.push([key, value]);
    }
    if (this.#is('scalar'))
      throw new YamlFault(this.#next.start, 'a key is expected here, with a `:` behind it');
    if (!this.#is('block end')) throw this.#unexpected('the next key or the end', start);
    return this.#composer.map(start, this.#take().start, pairs, tag);
  }

  #blockPart(): YamlNode {
    const { end } = this.#take();
    return this.#is('key', 'value', 'block end') ? this.#nothing(end) : this.#node(true, true);
  }

  #flowList(tag: string | undefined): YamlNode {
    const { start } = this.#take();
    const items: YamlNode[] = [];
    while (!this.#is(']')) {
      if (items.length > 0) this.#comma(']', start);
      if (this.#is(']')) break;
      items.push(this.#is('key') ? this.#flowPair() : this.#item(this.#node(false)));
    }
    return this.#composer.list(start, this.#take().end, items, tag);
  }

  /** `a: b` as an item of a list: a map of its own. */
  #flowPair(): YamlNode {
    const { start } = this.#next;
    const key = this.#flowPart(']');
    const value = this.#is('value') ? this.#flowPart(']') : this.#nothing(this.#next.start);
    return this.#composer.map(start, this.#next.start, [[key, value]], undefined);
  }

  #flowPart(close: ']' | '}'): YamlNode {
    const taken = this.#take();
    const empty = taken.kind === 'key' ? this.#is('value', ',', close) : this.#is(',', close);
    return empty ? this.#nothing(taken.end) : this.#node(false);
  }

  #flowMap(tag: string | undefined): YamlNode {
    const { start } = this.#take();
    const pairs: Pair[] = [];
    while (!this.#is('}')) {
      if (pairs.length > 0) this.#comma('}', start);
      if (this.#is('}')) break;
      if (this.#is('key')) {
        const key = this.#flowPart('}');
        pairs.push([key, this.#is('value') ? this.#flowPart('}') : this.#nothing(this.#next.start)]);
      } else pairs.push([this.#node(false), this.#nothing(this.#next.start)]);
    }
    return this.#composer.map(start, this.#take().end, pairs, tag);
  }

  #comma(close: ']' | '}', open: number): void {
    if (!this.#is(',')) throw this.#unexpected(`\`,\` or \`${close}\``, open);
    this.#take();
  }

  get #next(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw new Error('Bug: read beyond the end of a YAML text');
    if (token.kind === 'fault') throw new YamlFault(token.start, token.text);
    return token;
  }

  #is(...kinds: readonly TokenKind[]): boolean {
    return kinds.includes(this.#next.kind);
  }

  #take(): Token {
    const token = this.#next;
    this.#at += 1;
    return token;
  }

  #unexpected(expected: string, opened?: number): YamlFault {
    const { kind, start } = this.#next;
    const line = opened === undefined ? 0 : this.#text.slice(0, opened).split('\n').length;
    const which = line === 0 ? '' : ` of what begins in line ${line}`;
    return new YamlFault(start, `expected ${expected}${which}, and found ${described[kind]}`);
  }
}

const described: Readonly<Record<TokenKind, string>> = {
  directive: 'a directive',
  'document start': '`---`',
  'document end': '`...`',
  'stream end': 'the end of the file',
  'list start': 'a list whose indentation fits nothing above it',
  'map start': 'a key whose indentation fits nothing above it',
  'block end': 'the end of the block: the indentation does not fit',
  '[': '`[`',
  ']': '`]`',
  '{': '`{`',
  '}': '`}`',
  ',': '`,`',
  '-': '`- `',
  key: 'a key',
  value: '`:`',
  tag: 'a tag',
  scalar: 'a text',
  fault: 'a fault',
};
