import { allDelimited, type Delimited } from './delimited.ts';
import { calls as callsOfJinja } from './jinja/calls.ts';
import { findAll } from './jinja/find.ts';
import { jinja } from './jinja/language.ts';
import type { Language } from './language.ts';
import { calls as callsOfYaql } from './yaql/calls.ts';
import { yaql } from './yaql/language.ts';

/** A language of expressions, and what is asked of its texts besides their values. */
export interface KnownLanguage {
  readonly language: Language;
  /** Its expressions in a text, with what encloses them. */
  find(text: string): readonly Delimited[];
  /** The names of the functions that a text may call. */
  calls(text: string): ReadonlySet<string>;
}

/** In the order in which Mistral asks them: the first that finds something of its own in a text evaluates all of it. */
export const languages: readonly KnownLanguage[] = [
  { language: jinja, find: findAll, calls: callsOfJinja },
  { language: yaql, find: (text) => allDelimited(text, '<%', '%>'), calls: callsOfYaql },
];
