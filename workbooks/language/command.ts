import { type Dictionary, put, type Value } from '../expressions/value.ts';
import { readJson, spaceCharacters, strip, wordCharacters } from './python.ts';

/** What is to be done, and the parameters written behind it: `std.echo output="Hi"`, `fail msg=<% $.why %>`. */
export interface Command {
  readonly name: string;
  readonly parameters: Dictionary;
}

const plainName = new RegExp(`^[${wordCharacters}.]+[^=(${spaceCharacters}"]*`, 'u');
const wordOrDash = new RegExp(`[${wordCharacters}-]`, 'u');
const digits = /\p{Nd}+/uy;

/**
 * Reads a command as Mistral does, whose rules are odd in places: a text without a blank is a name as a whole, even
 * `fail(msg=x)`; parameters are found anywhere, also inside of an expression; what lies between them is passed over.
 * Undefined if the text begins with neither a name nor an expression.
 */
export function readCommand(text: string): Command | undefined {
  if (!text.includes(' ')) return { name: text, parameters: {} };
  const name = commandName(text);
  return name === undefined ? undefined : { name, parameters: readParameters(text) };
}

function commandName(text: string): string | undefined {
  const plain = plainName.exec(text);
  if (plain) return plain[0];
  const line = firstLine(text, 0);
  if (line.startsWith('<%')) {
    const end = line.indexOf('%>', 2);
    return end < 0 ? undefined : line.slice(0, end + 2);
  }
  // To the last end of the line, not to the first: two expressions with a parameter between them are one name.
  for (const [open, close] of [
    ['{{', '}}'],
    ['{%', '%}'],
  ] as const) {
    const end = line.lastIndexOf(close);
    if (line.startsWith(open) && end >= open.length) return line.slice(0, end + close.length);
  }
  return undefined;
}

/**
 * By hand rather than by one regular expression, which would take quadratic time on a hostile text; what it finds is
 * the same: the characters of a name, `=`, and directly behind it a value.
 */
function readParameters(text: string): Dictionary {
  const parameters: { [key: string]: Value } = {};
  const closers = new Closers(text);
  let from = 0;
  for (let equals = text.indexOf('='); equals >= 0; equals = text.indexOf('=', Math.max(equals + 1, from))) {
    const name = nameBefore(text, equals, from);
    const end = name === '' ? undefined : valueEnd(text, equals + 1, closers);
    // A name belongs to one `=` only, so that nothing before it has to be looked at again.
    from = end ?? equals + 1;
    if (end !== undefined) put(parameters, name, readValue(text.slice(equals + 1, end)));
  }
  return parameters;
}

function nameBefore(text: string, end: number, from: number): string {
  let start = end;
  while (start > from) {
    const previous = text.charCodeAt(start - 1);
    const wide = previous >= 0xdc00 && previous <= 0xdfff && start - 2 >= from ? 2 : 1;
    if (!wordOrDash.test(text.slice(start - wide, start))) break;
    start -= wide;
  }
  return text.slice(start, end);
}

function valueEnd(text: string, at: number, closers: Closers): number | undefined {
  const first = text[at];
  if (first === '"' || first === "'") {
    const close = text.indexOf(first, at + 1);
    return close < 0 ? undefined : close + 1;
  }
  if (text.startsWith('{{', at)) return closers.after('}}', at + 2);
  if (text.startsWith('<%', at)) return closers.after('%>', at + 2);
  if (first === '[') {
    if (closers.after(']', at + 1) === undefined) return undefined;
    return at + firstLine(text, at).lastIndexOf(']') + 1;
  }
  for (const word of ['true', 'false', 'null']) {
    if (text.startsWith(word, at)) return at + word.length;
  }
  digits.lastIndex = at;
  return digits.test(text) ? digits.lastIndex : undefined;
}

function readValue(written: string): Value {
  const text = strip(written);
  if (text.startsWith('"') || text.startsWith("'")) return text.slice(1, -1);
  const value = readJson(text);
  return value === undefined ? text : value;
}

function firstLine(text: string, from: number): string {
  const end = text.indexOf('\n', from);
  return text.slice(from, end < 0 ? text.length : end);
}

/** Finds the end of expressions on their line, and remembers where there is none any more. */
class Closers {
  readonly #text: string;
  readonly #next = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  after(close: string, from: number): number | undefined {
    const end = this.#find(close, from);
    const lineEnd = this.#find('\n', from);
    return end < lineEnd ? end + close.length : undefined;
  }

  #find(what: string, from: number): number {
    const known = this.#next.get(what) ?? -1;
    if (known >= from) return known;
    const found = this.#text.indexOf(what, from);
    const next = found < 0 ? Number.POSITIVE_INFINITY : found;
    this.#next.set(what, next);
    return next;
  }
}
