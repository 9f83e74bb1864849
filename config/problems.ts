import { type Document, isMap, isNode, isScalar, type LineCounter } from 'yaml';
import type { z } from 'zod';

type Path = readonly PropertyKey[];

/** One thing that is wrong in a configuration file: `line 3: repository.path: 7 is not a text`. */
export interface Problem {
  line: number;
  text: string;
}

/** Values below such keys may be secrets that somebody wrote where a reference belongs: never shown. */
const secretive = /^(password|token|.*secret.*|.*identity|.*key)$/i;
const harmless = new Set<PropertyKey>(['secrets']);
/** A URL below such a key holds a token more often than not. */
const tokenBearing = new Set<PropertyKey>(['notify']);

/** The problems that the schema found, in the order of the file. */
export function problemsOf(
  error: z.ZodError,
  document: Document,
  lines: LineCounter,
  known: KnownKeys,
): Problem[] {
  return error.issues
    .flatMap((issue) => describe(issue, document, lines, known))
    .sort((a, b) => a.line - b.line);
}

/** The keys that a section takes, for suggestions; empty where any key is good. */
export type KnownKeys = (path: Path) => string[];

function describe(
  issue: z.core.$ZodIssue,
  document: Document,
  lines: LineCounter,
  known: KnownKeys,
): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const near = closest(key, known(issue.path));
      const names = known(issue.path);
      const advice = near
        ? `did you mean ${near}?`
        : names.length > 0
          ? `expected one of ${names.join(', ')}`
          : '';
      return {
        line: lineOf([...issue.path, key], document, lines),
        text: `${dotted([...issue.path, key])}: unknown key${advice === '' ? '' : ` (${advice})`}`,
      };
    });
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? 'another name';
    const line = lineOf(issue.path, document, lines);
    return [{ line, text: `${dotted(issue.path)}: the name is wrong, expected ${expected}` }];
  }
  const path = issue.path;
  const at = { line: lineOf(path, document, lines) };
  const value = document.getIn(path);
  const misspelt = value === undefined ? misspelling(path, document, known) : undefined;
  if (misspelt !== undefined) {
    return [
      {
        ...at,
        text: `${dotted([...path.slice(0, -1), misspelt])}: unknown key (did you mean ${dotted(path.slice(-1))}?)`,
      },
    ];
  }
  const name = path.length === 0 ? 'the file' : dotted(path);
  if (value === undefined) return [{ ...at, text: `${name}: missing, expected ${expectation(issue)}` }];
  return [{ ...at, text: `${name}: ${shown(path, value)}, expected ${expectation(issue)}` }];
}

/** The key of the same section that somebody wrote for one that is missing. */
function misspelling(path: Path, document: Document, known: KnownKeys): string | undefined {
  const section = document.getIn(path.slice(0, -1), true) ?? document.contents;
  if (!isMap(section)) return undefined;
  const names = known(path.slice(0, -1));
  const strangers = section.items
    .map((item) => (isScalar(item.key) ? String(item.key.value) : ''))
    .filter((name) => !names.includes(name));
  return closest(String(path.at(-1)), strangers);
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  array: 'a list',
  object: 'a section of keys',
  record: 'a section of keys',
};

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return kinds[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options)) {
    return issue.options.join(' or ');
  }
  return issue.message;
}

function shown(path: Path, value: unknown): string {
  if (path.some((key) => secretive.test(String(key)) && !harmless.has(key))) return 'the value is wrong';
  if (path[0] === 'workbooks' && path[1] === 'secrets') return 'the value is wrong';
  if (tokenBearing.has(path[0] ?? '') && /url$/.test(String(path.at(-1)))) return 'the value is wrong';
  if (isMap(value)) return 'it is a section of keys';
  if (isNode(value)) return 'it is a list';
  if (value === null) return 'it is empty';
  const text = String(value);
  if (/AGE-SECRET-KEY|PRIVATE KEY|:\/\/[^/]*:[^/]*@/i.test(text)) return 'the value is wrong';
  return `${JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : value)} is wrong`;
}

function dotted(path: Path): string {
  return path.map(String).join('.');
}

/** The line of a key, or of the nearest section around it that is there. */
function lineOf(path: Path, document: Document, lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const key = path[depth - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      : undefined;
    const node = pair !== undefined ? pair.key : document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** The name that a misspelt one most likely means: at most two letters off, and less than half of it. */
export function closest(word: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance <= Math.min(2, name.length / 2) && distance < (best?.distance ?? 3))
      best = { name, distance };
  }
  return best?.name;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replace));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
