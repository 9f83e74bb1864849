import type { Dictionary, Value } from '../expressions/value.ts';
import type { TaskDefinition } from '../language/definition.ts';
import type { TaskExecution, Trigger } from './state.ts';

/** What a run does next, as its kind of workflow decides it. */
export type Command = RunTask | RunExisting | SkipTask | SetState | Noop;

interface Common {
  readonly task: TaskDefinition;
  readonly context: Dictionary;
  readonly triggeredBy: readonly Trigger[];
  readonly handlesError: boolean;
}

export interface RunTask extends Common {
  readonly kind: 'run';
  /** Of a join: it is made once, and waits. */
  readonly uniqueKey: string | null;
}

export interface RunExisting extends Common {
  readonly kind: 'existing';
  readonly execution: TaskExecution;
  /** Whether results so far are forgotten; otherwise only those of failed items. */
  readonly reset: boolean;
  readonly rerun: boolean;
}

export interface SkipTask extends Common {
  readonly kind: 'skip';
  readonly execution: TaskExecution;
}

export interface SetState extends Common {
  readonly kind: 'state';
  readonly state: 'SUCCESS' | 'ERROR' | 'PAUSED';
  /** What `msg` gave, of whatever type. */
  readonly message: Value;
}

export interface Noop extends Common {
  readonly kind: 'noop';
}

/** Names of the language's own commands; a task of the same name wins. */
export const engineCommands: Readonly<Record<string, SetState['state'] | 'noop'>> = {
  noop: 'noop',
  fail: 'ERROR',
  succeed: 'SUCCESS',
  pause: 'PAUSED',
};

/**
 * The order in which commands are dispatched: `noop` is gone, joins come after the others, and what follows a command
 * that ends the run is gone as well; what follows a pause is kept for the resumption.
 */
export function arranged(commands: readonly Command[]): readonly Command[] {
  const rest = commands.filter(({ kind }) => kind !== 'noop');
  const at = rest.findIndex(({ kind }) => kind === 'state');
  if (at < 0) return inOrder(rest);
  const change = rest[at] as SetState;
  if (at === 0 && change.state !== 'PAUSED') return [change];
  const tail = change.state === 'PAUSED' ? rest.slice(at + 1) : [];
  return [...inOrder(rest.slice(0, at)), change, ...tail];
}

/**
 * As Mistral's own comparison orders them: it calls each task that does not wait smaller than any other, so that a list
 * of such tasks turns round. Who comes first decides whose variables win where branches meet.
 */
function inOrder(commands: readonly Command[]): readonly Command[] {
  const sorted = [...commands];
  let end = 1;
  if (sorted.length > 1) {
    const descending = before(sorted[1] as Command, sorted[0] as Command);
    for (end = 2; end < sorted.length; end++) {
      if (before(sorted[end] as Command, sorted[end - 1] as Command) !== descending) break;
    }
    if (descending) sorted.splice(0, end, ...sorted.slice(0, end).reverse());
  }
  for (; end < sorted.length; end++) {
    const pivot = sorted[end] as Command;
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(pivot, sorted[middle] as Command)) high = middle;
      else low = middle + 1;
    }
    sorted.splice(end, 1);
    sorted.splice(low, 0, pivot);
  }
  return sorted;
}

function before(a: Command, b: Command): boolean {
  if (a.kind !== 'run' || a.uniqueKey === null) return true;
  if (b.kind !== 'run' || b.uniqueKey === null) return false;
  return a.uniqueKey < b.uniqueKey;
}
