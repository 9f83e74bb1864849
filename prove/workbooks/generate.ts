import { stringify } from 'yaml';
import type { Case, Step } from '../../test/workbooks/cases.ts';

type Random = () => number;
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Fields = { [key: string]: Json };

/**
 * A workbook of chance, and how it is run: graphs with joins, guards, errors, retries, items, publishes, waits, commands
 * and cycles that end. The same numbers give the same workbook. Nothing depends on which of two things that happen at
 * one moment comes first, as far as Mistral's own rules allow it.
 */
export function generateCase(id: string, random: Random): Case {
  const graph = new Graph(random);
  const workflows: Fields = { main: graph.workflow(2 + pick(random, 8), true) };
  if (graph.usesSub) workflows.sub = new Graph(random).workflow(1 + pick(random, 3), false);
  const input: Fields = { i: pick(random, 4) };
  return {
    id,
    topic: 'generated',
    name: id,
    // In blocks: Mistral cuts a workbook into pieces by its lines.
    text: stringify(
      { version: '2.0', name: 'wb', workflows },
      { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false },
    ),
    workflow: 'wb.main',
    input,
    params: chance(random, 0.2) ? { env: { e: pick(random, 3) } } : {},
    jitter: true,
    script: graph.pauses ? Array.from({ length: 12 }, () => resume) : [],
  };
}

const resume: Step = { do: 'resume', when: { state: 'PAUSED' } };
const variables = ['v', 'w', 'd', 'l'] as const;

/** A workflow that grows task by task: edges lead on, or back by a guard that counts. */
class Graph {
  usesSub = false;
  pauses = false;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  workflow(size: number, root: boolean): Fields {
    const names = Array.from({ length: size }, (_, i) => `t${i}`);
    const tasks = new Map(names.map((name) => [name, this.task(root)]));
    const inbound = new Map(names.map((name) => [name, new Set<string>()]));
    for (const [i, name] of names.entries()) this.edges(name, names.slice(i + 1), tasks, inbound);
    for (const [name, from] of inbound) {
      // Without a join a task runs once for each that reaches it: often enough to be seen, seldom enough to end soon.
      const task = tasks.get(name);
      if (task !== undefined && from.size > 1 && this.chance(0.8)) {
        task.join = this.choose<Json>(['all', 'all', 'all', 'one', 1 + this.pick(from.size)]);
      }
    }
    this.backEdge(names, tasks);
    return {
      ...(root ? { input: ['i'] } : { input: [{ i: 0 }] }),
      vars: { v: 0, d: { base: true } },
      ...this.outputs(),
      ...this.defaults(),
      tasks: Object.fromEntries(tasks),
    };
  }

  private outputs(): Fields {
    const out: Fields = {};
    if (this.chance(0.3)) out.output = { v: '<% $.v %>', w: '<% $.get(w, none) %>', d: '<% $.d %>' };
    if (this.chance(0.2)) out['output-on-error'] = { v: '<% $.v %>' };
    return out;
  }

  private defaults(): Fields {
    if (!this.chance(0.15)) return {};
    return {
      'task-defaults': this.choose<Fields>([
        { retry: { count: 1, delay: 0 } },
        { 'wait-before': 1 },
        { 'on-error': ['noop'] },
      ]),
    };
  }

  private task(root: boolean): Fields {
    const work = this.work(root);
    const sleeps = work.action === 'std.sleep' || work.workflow !== undefined;
    return { ...work, ...this.policies(sleeps), ...this.publishes() };
  }

  private work(root: boolean): Fields {
    if (root && this.chance(0.12)) {
      this.usesSub = true;
      const input: Fields = this.chance(0.5) ? { i: '<% $.i %>' } : {};
      return { workflow: 'sub', ...(Object.keys(input).length > 0 ? { input } : {}) };
    }
    if (this.chance(0.15)) {
      return {
        'with-items': this.choose([
          'x in <% range($.i) %>',
          'x in [1, 2, 3]',
          "x in <% ['a', 'b'] %>",
          'x in <% [] %>',
        ]),
        ...(this.chance(0.4) ? { concurrency: 1 + this.pick(2) } : {}),
        ...this.choose<Fields>([
          { action: 'std.echo', input: { output: '<% $.x %>' } },
          { action: 'std.test_dict', input: { size: '<% $.x %>', key_prefix: 'k', val: 1 } },
        ]),
      };
    }
    return this.choose<Fields>([
      { action: 'std.noop' },
      { action: 'std.echo', input: { output: this.value() } },
      { action: 'std.echo', input: { output: this.value() } },
      { action: 'std.echo', input: { output: 'w is <% $.get(w) %>' } },
      {
        action: 'std.fail',
        input: { error_data: this.value() },
        ...(this.chance(0.7) ? { 'on-error': ['noop'] } : {}),
      },
      // Their lengths are no sums of the others', so that no two things end at one moment by chance alone.
      { action: 'std.sleep', input: { seconds: this.choose([7, 11, 13]) } },
      { action: 'std.test_dict', input: { size: '<% $.i %>', key_prefix: 'k', val: 'x' } },
    ]);
  }

  private value(): Json {
    return this.choose<Json>([
      1,
      'text',
      null,
      [1, 2],
      { k: 'v' },
      '<% $.i %>',
      '<% $.i + 1 %>',
      '<% $.d %>',
      '<% [$.i, $.v] %>',
      '{{ _.i }}',
    ]);
  }

  private policies(sleeps: boolean): Fields {
    const policies: Fields = {};
    if (this.chance(0.1)) policies['wait-before'] = this.choose<Json>([1, 2, '<% $.i %>']);
    if (this.chance(0.1)) policies['wait-after'] = this.choose<Json>([1, 3]);
    // An action that goes on beyond its timeout ends late in Mistral, and with another error.
    if (!sleeps && this.chance(0.1)) policies.timeout = this.choose([4, 9]);
    if (this.chance(0.05)) policies['fail-on'] = this.choose<Json>([true, '<% $.i > 1 %>']);
    if (this.chance(0.05)) policies['keep-result'] = false;
    if (this.chance(0.03)) {
      policies['pause-before'] = true;
      this.pauses = true;
    }
    if (this.chance(0.15)) {
      policies.retry = {
        count: 1 + this.pick(2),
        delay: this.pick(2),
        ...(this.chance(0.3) ? { 'break-on': '<% $.i > 1 %>' } : {}),
        ...(this.chance(0.2) ? { 'continue-on': '<% $.i > 2 %>' } : {}),
      };
    }
    return policies;
  }

  private publishes(): Fields {
    const fields: Fields = {};
    if (this.chance(0.4)) fields.publish = this.publish();
    if (this.chance(0.2)) fields['publish-on-error'] = this.publish();
    return fields;
  }

  private publish(): Fields {
    const name = this.choose([...variables]);
    const value = this.choose<Json>([
      1,
      '<% task().result %>',
      '<% task().name %>',
      '<% $.get(v) %>',
      { nested: '<% task().name %>', same: 1 },
      { [`k${this.pick(3)}`]: '<% $.i %>' },
      ['<% $.i %>', 2],
    ]);
    return { [name]: value };
  }

  private edges(
    name: string,
    later: readonly string[],
    tasks: Map<string, Fields>,
    inbound: Map<string, Set<string>>,
  ): void {
    const task = tasks.get(name);
    if (task === undefined) return;
    for (const clause of ['on-success', 'on-error', 'on-complete']) {
      if (!this.chance(clause === 'on-success' ? 0.8 : 0.3)) continue;
      const targets = this.some(later, 2);
      const next: Json[] = targets.map((to) => (this.chance(0.2) ? { [to]: this.guard() } : to));
      if (this.chance(0.06)) next.splice(this.pick(next.length + 1), 0, this.command());
      if (next.length === 0) continue;
      for (const to of targets) inbound.get(to)?.add(name);
      task[clause] = this.chance(0.15)
        ? { publish: { [this.choose(['branch', 'global'])]: this.publish() }, next }
        : next;
    }
  }

  private command(): Json {
    const command = this.choose<Json>([
      'noop',
      'fail',
      'succeed',
      "fail(msg='it is over')",
      { fail: '<% $.i > 1 %>' },
      'pause',
    ]);
    if (command === 'pause') this.pauses = true;
    return command;
  }

  private guard(): string {
    return this.choose([
      '<% true %>',
      '<% false %>',
      '<% $.i > 1 %>',
      '<% $.v = 1 %>',
      '{{ _.i == 2 }}',
      '<% $.get(w) = null %>',
    ]);
  }

  /** A way back, that is taken at most twice on each branch. */
  private backEdge(names: readonly string[], tasks: Map<string, Fields>): void {
    if (names.length < 3 || !this.chance(0.15)) return;
    const from = 1 + this.pick(names.length - 1);
    // Never to the first, which has to have nothing before it to start.
    const to = names[1 + this.pick(from)];
    const task = tasks.get(names[from] ?? '');
    if (task === undefined || to === undefined) return;
    // A join that waits for itself, or for what comes after it, waits for ever.
    for (const name of names.slice(1, from + 1)) delete tasks.get(name)?.join;
    task.publish = { n: '<% $.get(n, 0) + 1 %>' };
    const list = Array.isArray(task['on-success']) ? task['on-success'].filter((next) => next !== to) : [];
    task['on-success'] = [...list, { [to]: '<% $.get(n, 0) < 3 %>' }];
  }

  private some<T>(of: readonly T[], most: number): T[] {
    const chosen = new Set<T>();
    for (let i = 1 + this.pick(most); i > 0 && of.length > 0; i -= 1)
      chosen.add(of[this.pick(of.length)] as T);
    return [...chosen];
  }

  private choose<T>(of: readonly T[]): T {
    return of[this.pick(of.length)] as T;
  }

  private pick(below: number): number {
    return pick(this.random, below);
  }

  private chance(probability: number): boolean {
    return chance(this.random, probability);
  }
}

function pick(random: Random, below: number): number {
  return Math.floor(random() * below);
}

function chance(random: Random, probability: number): boolean {
  return random() < probability;
}
