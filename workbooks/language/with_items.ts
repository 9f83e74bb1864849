import type { Value } from '../expressions/value.ts';
import { readJson, spaceCharacters, wordCharacters } from './python.ts';

const space = `[${spaceCharacters}]*`;
// What follows behind the expression is passed over, as Mistral passes over it.
const form = new RegExp(
  `^${space}([${wordCharacters}-]+)${space}in${space}(\\[[^\\n]+\\]|\\{\\{[^\\n]*?\\}\\}|<%[^\\n]*?%>)`,
  'u',
);

/** The two halves of `x in <% $.list %>`, as written; undefined if it has not this form. */
export function splitWithItems(
  text: string,
): { readonly variable: string; readonly list: string } | undefined {
  const match = form.exec(text);
  return match ? { variable: match[1] ?? '', list: match[2] ?? '' } : undefined;
}

/** `with-items` in its one form: the names of variables, each with a list or the expression that gives it. */
export function readWithItems(raw: Value | undefined): ReadonlyMap<string, Value> {
  const items: readonly Value[] = typeof raw === 'string' ? [raw] : Array.isArray(raw) ? raw : [];
  const lists = new Map<string, Value>();
  for (const item of items) {
    const halves = typeof item === 'string' ? splitWithItems(item) : undefined;
    if (!halves) continue;
    const list = halves.list.startsWith('[') ? readJson(halves.list) : halves.list;
    if (list !== undefined) lists.set(halves.variable, list);
  }
  return lists;
}
