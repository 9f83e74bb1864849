import { randomUUID } from 'node:crypto';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { ActionError, type Outcome } from '../workbooks/actions/action.ts';
import {
  type Evaluate,
  type PreparedAction,
  type ResolvedAction,
  resolveAction,
} from '../workbooks/actions/ad-hoc.ts';
import type { Definitions } from '../workbooks/engine/definitions.ts';
import { evaluateDeep } from '../workbooks/expressions/evaluate.ts';
import { sharedFunctions } from '../workbooks/expressions/functions/shared.ts';
import { defaultLimits, type EntropySource, ExpressionError } from '../workbooks/expressions/language.ts';
import { repr } from '../workbooks/expressions/python/repr.ts';
import type { Dictionary, Value } from '../workbooks/expressions/value.ts';
import type { ActionRunOnceInput } from '../workflows/action_run_once.ts';
import { runToEnd } from './runs.ts';
import type { Surroundings } from './surroundings.ts';

const source: EntropySource = { now: () => Date.now(), uuid: randomUUID, random: Math.random };

/**
 * Runs one action, also an ad-hoc one, outside of any workflow.
 * @returns its result
 * @throws BackupctlError not-found; usage for an input that it does not take; failed with what its error says
 */
export async function runAction(
  surroundings: Surroundings,
  definitions: Definitions,
  name: string,
  input: Dictionary,
): Promise<Value> {
  const action = resolved(definitions, name);
  if (action.base?.synchronous === false) {
    throw new BackupctlError(
      'refused',
      `${name} ends by an update of its execution, and here nothing waits for that`,
      {
        hint: 'run it as a task of a workflow',
      },
    );
  }
  const { base, baseInput } = prepared(action, name, input);
  const run: ActionRunOnceInput = { name: base.name, shown: action.shown, input: baseInput };
  const outcome = await runToEnd<Outcome>(surroundings, {
    type: 'action_run_once',
    args: [run],
    labels: { kind: 'system', instance: null },
  });
  const posted = withWords(name, () => action.post(outcome, evaluate));
  if ('result' in posted) return posted.result;
  const { error } = posted;
  throw new BackupctlError('failed', typeof error === 'string' ? error : repr(error));
}

function resolved(definitions: Definitions, name: string): ResolvedAction {
  try {
    return resolveAction(name, { find: (full) => definitions.action(full) });
  } catch (error) {
    if (!(error instanceof ActionError)) throw error;
    throw new BackupctlError('not-found', `there is no action ${name}`, {
      hint: '`backupctl action-list` shows those that exist; one of a workbook is WORKBOOK.ACTION',
      cause: error,
    });
  }
}

function prepared(action: ResolvedAction, name: string, input: Dictionary): PreparedAction {
  return withWords(name, () => action.prepare(input, {}, evaluate));
}

function withWords<T>(name: string, attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof ActionError) && !(error instanceof ExpressionError)) throw error;
    throw new BackupctlError('usage', `action ${name}: ${messageOf(error)}`, { cause: error });
  }
}

const evaluate: Evaluate = (value, data) => {
  const functions = new Map([...sharedFunctions(source), ['env', () => ({})] as const]);
  return evaluateDeep(value, { data, functions, source, limits: defaultLimits });
};
