import type { Dictionary } from '../../workbooks/expressions/value.ts';

/** What our platform, a hand-written workflow and Mistral do in turn. */
export interface Task {
  /** Of the workflow in the workbook, and of the hand-written one. */
  readonly name: string;
  readonly title: string;
  /** How many tasks, or items. */
  readonly count: number;
  readonly input: Dictionary;
  /** Whether its actions are activities: Mistral has no part in those, whose time is that of the action itself. */
  readonly isActivity: boolean;
}

const chained = 200;
const joined = 100;
const items = 1000;

const list = Array.from({ length: items }, (_, index) => index);

/** @param url what `std.http` asks: it answers at once */
export function tasks(url: string): readonly Task[] {
  const noop = { isActivity: false, input: {} };
  const http = { isActivity: true };
  return [
    { name: 'noop_chain', title: 'A chain of 200 `std.noop`', count: chained, ...noop },
    { name: 'noop_join', title: 'A join of 100 `std.noop`', count: joined, ...noop },
    { name: 'noop_items', title: '1,000 items of `std.noop`', count: items, ...noop, input: { list } },
    { name: 'http_chain', title: 'A chain of 200 `std.http`', count: chained, ...http, input: { url } },
    { name: 'http_join', title: 'A join of 100 `std.http`', count: joined, ...http, input: { url } },
    { name: 'http_items', title: '1,000 items of `std.http`', count: items, ...http, input: { url, list } },
  ];
}

export function workbook(): string {
  const http = 'std.http url=<% $.url %>';
  return `version: '2.0'
name: bench
workflows:
${chain('noop_chain', [], 'std.noop')}
${join('noop_join', [], 'std.noop')}
${withItems('noop_items', ['list'], 'std.noop')}
${chain('http_chain', ['url'], http)}
${join('http_join', ['url'], http)}
${withItems('http_items', ['url', 'list'], http)}
`;
}

function chain(name: string, input: readonly string[], action: string): string {
  const last = chained - 1;
  return `  ${name}:
${inputs(input)}    tasks:
${lines(chained, (n) => `      t${n}: {action: ${action}${n < last ? `, on-success: t${n + 1}` : ''}}`)}`;
}

function join(name: string, input: readonly string[], action: string): string {
  return `  ${name}:
${inputs(input)}    tasks:
${lines(joined, (n) => `      t${n}: {action: ${action}, on-success: end}`)}
      end: {join: all, action: std.noop}`;
}

function withItems(name: string, input: readonly string[], action: string): string {
  return `  ${name}:
${inputs(input)}    tasks:
      t: {with-items: item in <% $.list %>, action: ${action}}`;
}

function inputs(names: readonly string[]): string {
  return names.length === 0 ? '' : `    input: [${names.join(', ')}]\n`;
}

/** A workbook of so many tasks, with the keys that people write. */
export function largeWorkbook(count: number): string {
  const each = 10;
  return `version: '2.0'
name: large
description: Written to be read quickly.
workflows:
${lines(count / each, (n) => largeWorkflow(n, each))}
`;
}

function largeWorkflow(number: number, count: number): string {
  return `  w${number}:
    description: one of many
    input:
      - host
      - retries: 3
    output:
      last: <% $.r${count - 2} %>
    task-defaults:
      on-error:
        - cleanup
    tasks:
${lines(
  count - 1,
  (n) => `      t${n}:
        description: step ${n}
        action: std.http
        input:
          url: http://<% $.host %>/v1/items/${n}
          method: POST
          body: <% dict(host => $.host, numbers => [1, 2, 3].select($ + 1)) %>
        publish:
          r${n}: <% task(t${n}).result.content %>
        retry:
          count: 3
          delay: 5
        on-success:
          - ${n < count - 2 ? `t${n + 1}: <% $.r${n} != null %>` : 'succeed'}`,
)}
      cleanup:
        action: std.noop`;
}

function lines(count: number, line: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => line(n)).join('\n');
}
