export type TokenKind =
  | 'directive'
  | 'document start'
  | 'document end'
  | 'stream end'
  | 'list start'
  | 'map start'
  | 'block end'
  | '['
  | ']'
  | '{'
  | '}'
  | ','
  | '-'
  | 'key'
  | 'value'
  | 'tag'
  | 'scalar'
  | 'fault';

export interface Token {
  readonly kind: TokenKind;
  /** Offsets in the text. */
  readonly start: number;
  readonly end: number;
  /** A scalar's text, a tag's text, a directive's or fault's message. */
  readonly text: string;
  /** Of a scalar that stands without quotes: its text may be a number, a date … */
  readonly plain?: boolean;
  /** Where in the text the scalar's characters begin, if they stand there as they are. */
  readonly verbatim?: number;
  readonly tag?: Tag;
  readonly directive?: Directive;
}

/** Without a handle the suffix is the whole tag. */
export interface Tag {
  readonly handle: string | undefined;
  readonly suffix: string;
}

export type Directive =
  | { readonly name: 'YAML'; readonly major: number }
  | { readonly name: 'TAG'; readonly handle: string; readonly prefix: string }
  | { readonly name: 'other' };

/** A text that is no YAML, at an offset. */
export class YamlFault extends Error {
  override readonly name = 'YamlFault';
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}
