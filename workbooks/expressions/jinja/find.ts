import { allDelimited, type Delimited, nextDelimited } from '../delimited.ts';

/** Where something of Jinja's is in a text, as Mistral's regular expressions find it. */
export interface Found extends Delimited {
  readonly kind: 'variable' | 'block';
}

/** The first `{{ }}` of a text, or else its first `{% %}`. */
export function find(text: string): Found | undefined {
  const variable = nextDelimited(text, '{{', '}}', 0);
  if (variable !== undefined) return { kind: 'variable', ...variable };
  const block = nextDelimited(text, '{%', '%}', 0);
  return block === undefined ? undefined : { kind: 'block', ...block };
}

/** Every `{{ }}` and `{% %}` of a text, in its order. */
export function findAll(text: string): readonly Found[] {
  const variables = allDelimited(text, '{{', '}}').map((found) => ({ kind: 'variable' as const, ...found }));
  const blocks = allDelimited(text, '{%', '%}').map((found) => ({ kind: 'block' as const, ...found }));
  return [...variables, ...blocks].sort((a, b) => a.start - b.start);
}

/** Whether the text is one expression, so that it gives a value with its type. */
export function isWhole(text: string): boolean {
  const found = find(text);
  return found?.kind === 'variable' && found.start === 0 && found.end === text.length;
}

/** The offset in a text of an offset in its normalized form, which has `\n` for each end of line. */
export function normalizedOffset(text: string, offset: number): number {
  if (!text.includes('\r')) return offset;
  let index = 0;
  for (let count = 0; count < offset && index < text.length; count++) {
    index += text[index] === '\r' && text[index + 1] === '\n' ? 2 : 1;
  }
  return index;
}
