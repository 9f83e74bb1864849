import type { RegularExpression } from '../pattern.ts';
import { textRepr } from '../python/repr.ts';

/** A regular expression as a value, which `regex` gives. */
export class Pattern {
  readonly expression: RegularExpression;

  constructor(expression: RegularExpression) {
    this.expression = expression;
  }

  isSame(other: Pattern): boolean {
    return this.expression === other.expression;
  }

  /** As Python's `repr` writes it. */
  represent(): string {
    const { source, flags } = this.expression;
    const names = [
      flags.ignoreCase ? 're.IGNORECASE' : '',
      flags.multiLine ? 're.MULTILINE' : '',
      flags.dotAll ? 're.DOTALL' : '',
    ].filter((name) => name !== '');
    return `re.compile(${textRepr(source)}${names.length > 0 ? `, ${names.join('|')}` : ''})`;
  }
}
