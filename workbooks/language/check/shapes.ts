import { spaceCharacters, wordCharacters } from '../python.ts';
import type { YamlEntry, YamlMap, YamlNode, YamlScalar } from '../yaml/nodes.ts';
import type { Report } from './report.ts';

/** The kinds of values that keys may have, each with the message for what is none of it. All return whether it fits. */

const word = new RegExp(`^[${wordCharacters}]+\\n?$`, 'u');
const expression = new RegExp(`^(?:<%[^\\n]*%>|\\{\\{[^\\n]*\\}\\})[${spaceCharacters}]*$`, 'u');

/** Letters, digits and `_`, and nothing else. */
export function isWord(name: string): boolean {
  return word.test(name);
}

export function isText(node: YamlNode): node is YamlScalar & { readonly value: string } {
  return node.kind === 'scalar' && typeof node.value === 'string' && !node.isDate;
}

/** A text that is nothing but an expression: `<% … %>` or `{{ … }}`, in one line. */
export function isExpression(node: YamlNode): node is YamlScalar & { readonly value: string } {
  return isText(node) && isExpressionText(node.value);
}

export function isExpressionText(text: string): boolean {
  return expression.test(text);
}

export function describe(node: YamlNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a map';
  if (node.value === null) return 'nothing';
  if (node.isDate) return `the date ${node.value}: put it in quotes if it is a text`;
  if (typeof node.value !== 'string') return String(node.value);
  return node.value === '' ? 'an empty text' : `\`${shorten(node.value)}\``;
}

export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

export function child(key: string, name: string | number): string {
  if (typeof name === 'number') return `${key}[${name}]`;
  return key === '' ? shorten(name) : `${key}.${shorten(name)}`;
}

function expected(report: Report, node: YamlNode, key: string, what: string): false {
  report.fault(node, key, `expected ${what}, and found ${describe(node)}`);
  return false;
}

export function checkText(report: Report, node: YamlNode, key: string): boolean {
  return (isText(node) && node.value !== '') || expected(report, node, key, 'a text');
}

export function checkAmount(report: Report, node: YamlNode, key: string): boolean {
  if (isExpression(node)) {
    report.expressions(node, key);
    return true;
  }
  return isCount(node) || expected(report, node, key, 'a whole number from 0 on, or an expression');
}

export function isCount(node: YamlNode): boolean {
  return (
    node.kind === 'scalar' &&
    typeof node.value === 'number' &&
    Number.isInteger(node.value) &&
    node.value >= 0
  );
}

export function checkTruth(report: Report, node: YamlNode, key: string): boolean {
  if (isExpression(node)) {
    report.expressions(node, key);
    return true;
  }
  const fits = node.kind === 'scalar' && typeof node.value === 'boolean';
  return fits || expected(report, node, key, 'true, false, or an expression');
}

export function checkCondition(report: Report, node: YamlNode, key: string): boolean {
  if (!isExpression(node))
    return expected(report, node, key, 'an expression in one line: `<% … %>` or `{{ … }}`');
  report.expressions(node, key);
  return true;
}

/** What can be stored: a date cannot. */
export function checkStorable(report: Report, node: YamlNode, key: string): boolean {
  return !(node.kind === 'scalar' && node.isDate) || expected(report, node, key, 'a value');
}

export function isMap(node: YamlNode | undefined): node is YamlMap {
  return node?.kind === 'map';
}

/** A map with texts as keys, and something in it. */
export function checkMap(report: Report, node: YamlNode, key: string, mayBeEmpty = false): node is YamlMap {
  if (node.kind !== 'map') return expected(report, node, key, 'a map');
  if (node.entries.size === 0 && !mayBeEmpty) {
    report.fault(node, key, 'the map is empty: leave it out, or put something in');
    return false;
  }
  let fits = true;
  for (const [name, entry] of node.entries) {
    if (!checkKey(report, entry, key)) fits = false;
    else if (isWord(name) && !checkStorable(report, entry.value, child(key, name))) fits = false;
  }
  return fits;
}

export function checkKey(report: Report, entry: YamlEntry, key: string): boolean {
  const { value } = entry.key;
  if (typeof value === 'string') return true;
  const what = value === null ? 'nothing' : `${String(value)}`;
  report.fault(entry.key, key, `a key has to be a text, and this one is read as ${what}: put it in quotes`);
  return false;
}

/** A map of variables, whose values may hold expressions. */
export function checkVariables(report: Report, node: YamlNode, key: string): boolean {
  const fits = checkMap(report, node, key);
  report.expressions(node, key);
  return fits;
}

export function checkTexts(report: Report, node: YamlNode, key: string): boolean {
  return checkList(report, node, key, (item, place) => checkText(report, item, place));
}

/** A list that is not empty, without repetitions. */
export function checkList(
  report: Report,
  node: YamlNode,
  key: string,
  checkItem: (item: YamlNode, key: string) => boolean,
): boolean {
  if (node.kind !== 'list') return expected(report, node, key, 'a list');
  if (node.items.length === 0) {
    report.fault(node, key, 'the list is empty: leave it out, or put something in');
    return false;
  }
  const seen = new Set<string>();
  let fits = true;
  for (const [index, item] of node.items.entries()) {
    const place = child(key, index);
    if (!checkItem(item, place)) fits = false;
    const text = canonical(item);
    if (seen.has(text)) {
      report.fault(item, place, `${describe(item)} stands in the list a second time`);
      fits = false;
    }
    seen.add(text);
  }
  return fits;
}

/** The same for equal values, whatever the order of their keys. */
function canonical(node: YamlNode): string {
  if (node.kind === 'scalar') return JSON.stringify(node.value);
  if (node.kind === 'list') return `[${node.items.map(canonical).join()}]`;
  const pairs = [...node.entries].map(([name, { value }]) => `${JSON.stringify(name)}:${canonical(value)}`);
  return `{${pairs.toSorted().join()}}`;
}

/** Names of parameters: a text each, or a map of one name to its default. */
export function checkParameters(report: Report, node: YamlNode, key: string): boolean {
  return checkList(report, node, key, (item, place) => {
    if (isText(item)) return checkText(report, item, place);
    if (!isMap(item)) return expected(report, item, place, 'a name, or a name with its default');
    if (item.entries.size > 1) {
      report.fault(
        item,
        place,
        'one name with its default is allowed in each item: begin the others with `- `',
      );
      return false;
    }
    return checkMap(report, item, place);
  });
}

/** Keys that are allowed, though nobody writes them: Mistral sets them itself. */
const overwritten = ['type'];

/** Faults for keys that are not known, with what may have been meant. */
export function checkKnownKeys(
  report: Report,
  node: YamlMap,
  key: string,
  known: readonly string[],
  hint?: Hint,
): void {
  for (const [name, { key: place }] of node.entries) {
    if (typeof place.value === 'string' && known.includes(name)) continue;
    const special = hint?.(name);
    const usual = known.filter((one) => !overwritten.includes(one));
    const message =
      special ?? `unknown key${report.suggest(name, known) || `: allowed are ${listed(usual)}`}`;
    report.fault(place, child(key, name), message);
  }
}

/** A better message for a key that is known to be wrong here. */
export type Hint = (name: string) => string | undefined;

export function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

/** Checks those keys that are there. */
export function checkEntries(
  report: Report,
  node: YamlMap,
  key: string,
  checks: Readonly<Record<string, (report: Report, node: YamlNode, key: string) => unknown>>,
): void {
  for (const [name, { value }] of node.entries) {
    if (Object.hasOwn(checks, name)) checks[name]?.(report, value, child(key, name));
  }
}

/** A value that was written inside of a text, as a node that stands where the text does. */
export function nodeAt(value: unknown, at: YamlScalar): YamlNode {
  const place = { start: at.start, end: at.end };
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => nodeAt(item, at)), ...place };
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, item]) => {
      const key: YamlScalar = { kind: 'scalar', value: name, isDate: false, ...place };
      return [name, { key, value: nodeAt(item, at) }] as const;
    });
    return { kind: 'map', entries: new Map(entries), ...place };
  }
  return { kind: 'scalar', value: value as YamlScalar['value'], isDate: false, ...place };
}
