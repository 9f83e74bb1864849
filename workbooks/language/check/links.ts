import { clauseNames, type Target } from './on_clause.ts';
import type { Report } from './report.ts';
import { shorten } from './shapes.ts';
import type { CheckedTask } from './task.ts';

const commands = ['noop', 'fail', 'succeed', 'pause'];

/** What `task-defaults` adds to every task. */
export type Defaults = Pick<CheckedTask, 'clauses' | 'requires'>;

/**
 * The rules about the tasks of a direct workflow together: they lead to tasks that exist, one of them is where it
 * begins, and no join waits for more than can come.
 */
export function checkDirectLinks(
  report: Report,
  key: string,
  at: number,
  tasks: ReadonlyMap<string, CheckedTask>,
  defaults: Defaults,
): void {
  const inbound = new Map<string, number>();
  const seen = new Set<Target>();
  let whole = [...defaults.clauses.values()].every((clause) => clause.whole);
  for (const task of tasks.values()) {
    const reached = new Set<string>();
    for (const clause of clauseNames) {
      if (task.clauses.get(clause)?.whole === false) whole = false;
      for (const target of targetsOf(task, clause, defaults)) {
        reached.add(target.to);
        if (!seen.has(target)) checkExists(report, target, tasks, commands);
        seen.add(target);
      }
    }
    for (const to of reached) inbound.set(to, (inbound.get(to) ?? 0) + 1);
  }
  if (tasks.size > 0 && [...tasks.keys()].every((name) => inbound.has(name))) {
    report.fault(at, key, 'the workflow can begin nowhere: every task is led to by another, or by itself');
  }
  // With transitions missing, how many come in is not known.
  if (whole) for (const task of tasks.values()) checkJoin(report, task, inbound.get(task.name) ?? 0);
}

/** A task's own clause; if that leads nowhere, the clause of `task-defaults`, other than to the task itself. */
function targetsOf(task: CheckedTask, clause: string, defaults: Defaults): readonly Target[] {
  const own = task.clauses.get(clause)?.targets ?? [];
  if (own.length > 0) return own;
  return (defaults.clauses.get(clause)?.targets ?? []).filter(({ to }) => to !== task.name);
}

function checkJoin(report: Report, { join, key }: CheckedTask, inbound: number): void {
  if (!join) return;
  const coming = inbound === 1 ? '1 task leads' : `${inbound} tasks lead`;
  if (join.value === 'all' ? inbound === 0 : inbound < join.value) {
    const waits =
      join.value === 'all' ? 'waits for all tasks that lead here' : `waits for ${join.value} of them`;
    report.fault(
      join.at,
      `${key}.join`,
      `this join can never be: it ${waits}, and ${inbound === 0 ? 'none does' : `only ${coming} here`}`,
    );
  }
}

/** Tasks of a reverse workflow require tasks that exist. */
export function checkReverseLinks(
  report: Report,
  tasks: ReadonlyMap<string, CheckedTask>,
  defaults: Defaults,
): void {
  const seen = new Set<Target>();
  for (const task of tasks.values()) {
    for (const target of [...task.requires, ...defaults.requires]) {
      if (target.to !== task.name && !seen.has(target)) checkExists(report, target, tasks, []);
      if (target.to !== task.name) seen.add(target);
    }
  }
}

function checkExists(
  report: Report,
  { to, at, key }: Target,
  tasks: ReadonlyMap<string, CheckedTask>,
  allowed: readonly string[],
): void {
  if (tasks.has(to) || allowed.includes(to)) return;
  const known = tasks.size > 1000 ? allowed : [...tasks.keys(), ...allowed];
  report.fault(at, key, `there is no task \`${shorten(to)}\`${report.suggest(to, known)}`);
}
