export interface Delimited {
  readonly start: number;
  /** After what closes it. */
  readonly end: number;
}

/**
 * The parts of a text between two marks, each on one line, up to the first mark that closes it. In one pass: what was
 * found ahead is kept, since a text full of beginnings would be gone through again for each of them.
 */
function* delimited(text: string, begin: string, close: string, from: number): Generator<Delimited> {
  let closing = -1;
  let line = -1;
  for (let start = text.indexOf(begin, from); start >= 0; ) {
    const inside = start + begin.length;
    if (closing < inside) closing = text.indexOf(close, inside);
    if (closing < 0) return;
    if (line < inside) line = lineEnd(text, inside);
    if (line < closing) start = text.indexOf(begin, line);
    else {
      const end = closing + close.length;
      yield { start, end };
      start = text.indexOf(begin, end);
    }
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** The next such part. */
export function nextDelimited(
  text: string,
  begin: string,
  close: string,
  from: number,
): Delimited | undefined {
  const next = delimited(text, begin, close, from).next();
  return next.done ? undefined : next.value;
}

/** All of them, one behind the other. */
export function allDelimited(text: string, begin: string, close: string): readonly Delimited[] {
  return [...delimited(text, begin, close, 0)];
}
