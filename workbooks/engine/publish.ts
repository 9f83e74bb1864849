import { type Dictionary, isDictionary } from '../expressions/value.ts';
import type { Publish, TaskDefinition } from '../language/definition.ts';
import { merged } from './merge.ts';
import type { Run } from './run.ts';
import type { TaskExecution } from './state.ts';
import type { State } from './states.ts';

/** Publishes what a task that ended says to publish: to its branch, and globally. @throws ExpressionError */
export function publish(run: Run, task: TaskExecution): void {
  const definition = run.graph.task(task.name);
  const what = definition && publishOf(definition, task.state);
  if (what === undefined) return;
  const views = run.outlook.afterTask(task, task.inContext);
  if (what.branch !== undefined) {
    const published = run.outlook.evaluate(what.branch, views, task);
    run.hold(task, 'published', published);
    task.published = isDictionary(published) ? published : {};
  }
  if (what.global !== undefined) {
    const published = run.outlook.evaluate(what.global, views, task);
    if (isDictionary(published)) {
      const context = merged(run.state.context, published);
      run.hold(run.state, 'context', context);
      run.state.context = context;
    }
  }
}

/**
 * What a task publishes in a state: by its own keys, by `on-complete`, and by the clause of the state; of the same
 * variable the earlier named one wins, of the clause of the state that of the others.
 */
export function publishOf(task: TaskDefinition, state: State): Publish | undefined {
  const own = {
    SUCCESS: [task.publish, task.onSuccess],
    ERROR: [task.publishOnError, task.onError],
    SKIPPED: [task.publishOnSkip, task.onSkip],
  } as const;
  if (state !== 'SUCCESS' && state !== 'ERROR' && state !== 'SKIPPED') return undefined;
  const [variables, clause] = own[state];
  const simple: Publish | undefined =
    variables === undefined || Object.keys(variables).length === 0 ? undefined : { branch: variables };
  const general = together(simple, task.onComplete?.publish);
  return together(clause?.publish, general);
}

/** The second merged into the first, whose scopes alone take anything in: as Mistral does it. */
function together(first: Publish | undefined, second: Publish | undefined): Publish | undefined {
  if (first === undefined) return second;
  if (second === undefined) return first;
  const scope = (a: Dictionary | undefined, b: Dictionary | undefined) =>
    a === undefined || b === undefined ? a : merged(a, b);
  const branch = scope(first.branch, second.branch);
  const global = scope(first.global, second.global);
  const atomic = scope(first.atomic, second.atomic);
  return {
    ...(branch && { branch }),
    ...(global && { global }),
    ...(atomic && { atomic }),
  };
}
