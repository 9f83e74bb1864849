import { calls } from './jinja/calls.ts';
import { findAll } from './jinja/find.ts';
import { jinja } from './jinja/language.ts';
import type { Language } from './language.ts';

/** A language of expressions, and what is asked of its texts besides their values. */
export interface KnownLanguage {
  readonly language: Language;
  /** Its expressions in a text, with what encloses them. */
  find(text: string): readonly { readonly offset: number; readonly text: string }[];
  /** The names of the functions that a text may call. */
  calls(text: string): ReadonlySet<string>;
}

/** In the order in which Mistral asks them: the first that finds something of its own in a text evaluates all of it. */
export const languages: readonly KnownLanguage[] = [
  {
    language: jinja,
    find: (text) => findAll(text).map(({ start, end }) => ({ offset: start, text: text.slice(start, end) })),
    calls,
  },
];
