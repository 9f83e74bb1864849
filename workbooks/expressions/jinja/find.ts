/** Where something of Jinja's is in a text, as Mistral's regular expressions find it: on one line, up to the first end. */
export interface Found {
  readonly kind: 'variable' | 'block';
  readonly start: number;
  readonly end: number;
}

function first(
  text: string,
  begin: string,
  close: string,
  from: number,
): { start: number; end: number } | undefined {
  let start = text.indexOf(begin, from);
  while (start >= 0) {
    const end = text.indexOf(close, start + 2);
    if (end < 0) return undefined;
    const line = text.indexOf('\n', start + 2);
    if (line < 0 || line > end) return { start, end: end + 2 };
    start = text.indexOf(begin, line);
  }
  return undefined;
}

/** The first `{{ }}` of a text, or else its first `{% %}`. */
export function find(text: string, from = 0): Found | undefined {
  const variable = first(text, '{{', '}}', from);
  if (variable !== undefined) return { kind: 'variable', ...variable };
  const block = first(text, '{%', '%}', from);
  return block === undefined ? undefined : { kind: 'block', ...block };
}

/** Every `{{ }}` and `{% %}` of a text, in its order. */
export function findAll(text: string): readonly Found[] {
  const found: Found[] = [];
  for (const [kind, begin, close] of [
    ['variable', '{{', '}}'],
    ['block', '{%', '%}'],
  ] as const) {
    for (let at = first(text, begin, close, 0); at !== undefined; at = first(text, begin, close, at.end)) {
      found.push({ kind, ...at });
    }
  }
  return found.sort((a, b) => a.start - b.start);
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
