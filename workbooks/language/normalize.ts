import { type Dictionary, isDictionary, own, put, type Value } from '../expressions/value.ts';
import { type Command, readCommand } from './command.ts';
import type {
  AdHocActionDefinition,
  InputParameter,
  OnClause,
  TaskDefaults,
  TaskDefinition,
  WorkflowDefinition,
} from './definition.ts';
import { readPolicies, truth } from './policies.ts';
import { readOnClause } from './transitions.ts';
import { readWithItems } from './with_items.ts';

/**
 * The definition of a workflow, from what stands under its name in a file. It has been checked before: what cannot be
 * read is left out here rather than refused. Pure and quick, because every run begins with it.
 */
export function normalizeWorkflow(name: string, raw: Dictionary): WorkflowDefinition {
  const type = own(raw, 'type') === 'reverse' ? 'reverse' : 'direct';
  const defaults = own(raw, 'task-defaults');
  const tasks = new Map<string, TaskDefinition>();
  for (const [taskName, task] of Object.entries(dictionary(own(raw, 'tasks')))) {
    // Mistral puts the version of the language beside the tasks, and so passes over a task of that name.
    if (taskName !== 'version' && isDictionary(task))
      tasks.set(taskName, normalizeTask(taskName, task, type));
  }
  return {
    name,
    type,
    ...described(raw),
    input: readInput(own(raw, 'input')),
    output: dictionary(own(raw, 'output')),
    outputOnError: dictionary(own(raw, 'output-on-error')),
    vars: dictionary(own(raw, 'vars')),
    ...(isDictionary(defaults) && { taskDefaults: normalizeDefaults(defaults) }),
    tasks,
  };
}

/** The definition of an action made of another, from what stands under its name; checked before, as a workflow is. */
export function normalizeAction(name: string, raw: Dictionary): AdHocActionDefinition {
  const base = commandOf(own(raw, 'base')) ?? { name: '', parameters: {} };
  const output = own(raw, 'output');
  return {
    name,
    ...described(raw),
    base: base.name,
    baseInput: merged(dictionary(own(raw, 'base-input')), base.parameters),
    input: readInput(own(raw, 'input')),
    ...(output !== undefined && output !== null && { output }),
  };
}

function normalizeTask(name: string, raw: Dictionary, type: 'direct' | 'reverse'): TaskDefinition {
  const action = commandOf(own(raw, 'action'));
  const workflow = action ? undefined : commandOf(own(raw, 'workflow'));
  const command = action ?? workflow ?? { name: 'std.noop', parameters: {} };
  const written = own(raw, 'input');
  const input = typeof written === 'string' ? written : merged(dictionary(written), command.parameters);
  const safeRerun = truth(own(raw, 'safe-rerun'));
  const target = own(raw, 'target');
  return {
    name,
    // Mistral merges inline parameters into the input as it was written, where there was one.
    spec: { ...raw, ...(isDictionary(written) && { input }), type, name, version: '2.0' },
    ...described(raw),
    runs: { kind: workflow ? 'workflow' : 'action', name: command.name },
    input,
    withItems: readWithItems(own(raw, 'with-items')),
    ...variables(raw, 'publish', 'publish'),
    ...variables(raw, 'publish-on-error', 'publishOnError'),
    ...variables(raw, 'publish-on-skip', 'publishOnSkip'),
    policies: readPolicies(raw),
    keepResult: truth(own(raw, 'keep-result')) ?? true,
    ...(safeRerun !== undefined && { safeRerun }),
    ...(typeof target === 'string' && { target }),
    ...(type === 'direct' ? { ...readJoin(raw), ...onClauses(raw), requires: [] } : { requires: names(raw) }),
  };
}

function normalizeDefaults(raw: Dictionary): TaskDefaults {
  const safeRerun = truth(own(raw, 'safe-rerun'));
  return {
    policies: readPolicies(raw),
    ...onClauses(raw),
    ...(safeRerun !== undefined && { safeRerun }),
    requires: names(raw),
  };
}

interface OnClauses {
  readonly onSuccess?: OnClause;
  readonly onError?: OnClause;
  readonly onComplete?: OnClause;
  readonly onSkip?: OnClause;
}

function onClauses(raw: Dictionary): OnClauses {
  const onSuccess = readOnClause(own(raw, 'on-success'));
  const onError = readOnClause(own(raw, 'on-error'));
  const onComplete = readOnClause(own(raw, 'on-complete'));
  const onSkip = readOnClause(own(raw, 'on-skip'));
  return {
    ...(onSuccess && { onSuccess }),
    ...(onError && { onError }),
    ...(onComplete && { onComplete }),
    ...(onSkip && { onSkip }),
  };
}

/** A join of no tasks is none. */
function readJoin(raw: Dictionary): { readonly join?: 'all' | 'one' | number } {
  const join = own(raw, 'join');
  return join === 'all' || join === 'one' || (typeof join === 'number' && join > 0) ? { join } : {};
}

function names(raw: Dictionary): readonly string[] {
  const requires = own(raw, 'requires');
  return typeof requires === 'string' ? [requires] : texts(requires);
}

function described(raw: Dictionary): { readonly description?: string; readonly tags: readonly string[] } {
  const description = own(raw, 'description');
  return { ...(typeof description === 'string' && { description }), tags: texts(own(raw, 'tags')) };
}

function variables<K extends string>(
  raw: Dictionary,
  key: string,
  as: K,
): { readonly [key in K]?: Dictionary } {
  const written = own(raw, key);
  return (isDictionary(written) ? { [as]: written } : {}) as { readonly [key in K]?: Dictionary };
}

/** The last of several parameters of one name counts, where the first stood. */
function readInput(raw: Value | undefined): readonly InputParameter[] {
  const entries: readonly Value[] = Array.isArray(raw) ? raw : [];
  const parameters = new Map<string, InputParameter>();
  for (const entry of entries) {
    if (typeof entry === 'string') parameters.set(entry, { name: entry });
    else if (isDictionary(entry)) {
      for (const [name, value] of Object.entries(entry)) parameters.set(name, { name, default: value });
    }
  }
  return [...parameters.values()];
}

function commandOf(written: Value | undefined): Command | undefined {
  if (typeof written !== 'string' || written === '') return undefined;
  return readCommand(written) ?? { name: written, parameters: {} };
}

/** Inline parameters win over the input of the same name: Mistral merges them over it. */
function merged(input: Dictionary, parameters: Dictionary): Dictionary {
  const result: { [key: string]: Value } = { ...input };
  for (const [name, value] of Object.entries(parameters)) put(result, name, value);
  return result;
}

function dictionary(value: Value | undefined): Dictionary {
  return isDictionary(value) ? value : {};
}

function texts(value: Value | undefined): readonly string[] {
  const items: readonly Value[] = Array.isArray(value) ? value : [];
  return items.filter((item) => typeof item === 'string');
}
