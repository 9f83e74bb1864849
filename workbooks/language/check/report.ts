import { jinja } from '../../expressions/jinja/language.ts';
import type { ExpressionFault } from '../../expressions/language.ts';
import type { Fault } from '../definition.ts';
import type { Places } from '../places.ts';
import type { YamlNode, YamlScalar } from '../yaml/nodes.ts';
import { closest } from './names.ts';

/** More faults than anyone reads; the rest is counted. */
const most = 1000;

/** Suggestions cost a comparison with every name; a file full of unknown names gets the first of them only. */
const mostSuggestions = 100;

const yaqlForm = /<%[^\n]*?%>/;
const jinjaForm = /\{\{[^\n]*?\}\}|\{%[^\n]*?%\}/;

/** Collects what is wrong with a file, and where. */
export class Report {
  readonly #places: Places;
  readonly #check: (text: string) => readonly ExpressionFault[];
  readonly #faults: (Fault & { readonly offset: number })[] = [];
  readonly #warnings: (Fault & { readonly offset: number })[] = [];
  readonly #checked = new Map<string, readonly ExpressionFault[]>();
  readonly #seen = new Set<string>();
  #suggestions = 0;
  #left = 0;
  /** How often something was wrong; grows with every fault. */
  count = 0;

  constructor(places: Places, check: (text: string) => readonly ExpressionFault[]) {
    this.#places = places;
    this.#check = check;
  }

  fault(at: number | YamlNode, key: string, message: string): void {
    this.count += 1;
    const fault = this.#placed(at, key, message);
    const place = `${fault.offset} ${key}`;
    // What two rules find wrong with one place is said once.
    if (!this.#seen.has(place) && this.#faults.length < most) this.#faults.push(fault);
    else if (!this.#seen.has(place)) this.#left += 1;
    this.#seen.add(place);
  }

  /** Something that is accepted, though hardly meant. */
  warn(at: number | YamlNode, key: string, message: string): void {
    if (this.#warnings.length < most) this.#warnings.push(this.#placed(at, key, message));
  }

  #placed(at: number | YamlNode, key: string, message: string): Fault & { readonly offset: number } {
    const offset = typeof at === 'number' ? at : at.start;
    return { ...this.#places.at(offset), key, message: oneLine(message), offset };
  }

  /**
   * Every expression within a value, however deep. That no text may hold both languages is Mistral's rule down to a
   * value's own values; what lies deeper it evaluates in one of them.
   */
  expressions(node: YamlNode, key: string, depth = 0): void {
    if (node.kind === 'list') {
      for (const [index, item] of node.items.entries()) this.expressions(item, `${key}[${index}]`, depth + 1);
    } else if (node.kind === 'map') {
      for (const [name, { value }] of node.entries) this.expressions(value, `${key}.${name}`, depth + 1);
    } else if (typeof node.value === 'string') {
      const isMixed = yaqlForm.test(node.value) && jinjaForm.test(node.value);
      if (!isMixed) this.expression(node.value, node, key);
      else if (depth < 2) this.fault(node, key, 'YAQL and Jinja do not go together in one text');
      else this.#complain(jinja.check(node.value), node.value, node, key);
    }
  }

  /** Every expression within a text that was found somewhere in a scalar. */
  expression(text: string, node: YamlScalar, key: string): void {
    if (!text.includes('<%') && !text.includes('{{') && !text.includes('{%')) return;
    let faults = this.#checked.get(text);
    if (!faults) {
      faults = this.#check(text);
      this.#checked.set(text, faults);
    }
    this.#complain(faults, text, node, key);
  }

  #complain(faults: readonly ExpressionFault[], text: string, node: YamlScalar, key: string): void {
    for (const { offset, message } of faults) this.fault(this.#within(text, offset, node), key, message);
  }

  /** Where a place of a scalar's text is in the file; the scalar's own, if it cannot be told. */
  #within(text: string, offset: number, node: YamlScalar): number {
    if (node.verbatim !== undefined && typeof node.value === 'string') {
      const part = text === node.value ? 0 : node.value.indexOf(text);
      if (part >= 0) return node.verbatim + part + offset;
    }
    const snippet = /^[^\n]{1,24}/.exec(text.slice(offset))?.[0];
    const found = snippet === undefined ? -1 : this.#places.text.slice(node.start, node.end).indexOf(snippet);
    return found < 0 ? node.start : node.start + found;
  }

  /** ` (did you mean …?)`, or nothing. */
  suggest(name: string, known: Iterable<string>): string {
    this.#suggestions += 1;
    const found = this.#suggestions > mostSuggestions ? undefined : closest(name, known);
    return found === undefined ? '' : `: did you mean \`${found}\`?`;
  }

  /** In the order of the file. */
  faults(): readonly Fault[] {
    const faults = inOrder(this.#faults);
    if (this.#left === 0) return faults;
    return [...faults, { line: 1, column: 1, key: '', message: `and ${this.#left} more faults` }];
  }

  warnings(): readonly Fault[] {
    return inOrder(this.#warnings);
  }
}

function inOrder(faults: readonly (Fault & { readonly offset: number })[]): Fault[] {
  return faults
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ line, column, key, message }) => ({ line, column, key, message }));
}

function oneLine(message: string): string {
  return message.replace(/\s+/g, ' ');
}
