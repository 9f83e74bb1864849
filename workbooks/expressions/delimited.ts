export interface Delimited {
  readonly start: number;
  /** After what closes it. */
  readonly end: number;
}

/** The next part of a text between two marks, on one line, up to the first mark that closes it. In one pass. */
export function nextDelimited(
  text: string,
  begin: string,
  close: string,
  from: number,
): Delimited | undefined {
  let start = text.indexOf(begin, from);
  while (start >= 0) {
    const end = text.indexOf(close, start + begin.length);
    if (end < 0) return undefined;
    const line = text.indexOf('\n', start + begin.length);
    if (line < 0 || line > end) return { start, end: end + close.length };
    start = text.indexOf(begin, line);
  }
  return undefined;
}

/** All of them, one behind the other. */
export function allDelimited(text: string, begin: string, close: string): readonly Delimited[] {
  const found: Delimited[] = [];
  for (let at = nextDelimited(text, begin, close, 0); at !== undefined; ) {
    found.push(at);
    at = nextDelimited(text, begin, close, at.end);
  }
  return found;
}
