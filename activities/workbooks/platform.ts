import { Context } from '@temporalio/activity';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { withDefaults } from '../../workbooks/actions/action.ts';
import type { PlatformAction } from '../../workbooks/actions/platform.ts';
import { type Dictionary, isDictionary, own, type Value } from '../../workbooks/expressions/value.ts';
import { ActionFailure } from './failure.ts';

/**
 * Calls a method of the client library: `worker/client-calls.ts`.
 * @param args as the method takes them; a signal for one that waits is among its options
 * @returns what `--json` would print
 * @throws BackupctlError
 */
export type CallClient = (method: string, args: readonly unknown[]) => Promise<Value>;

export interface PlatformSurroundings {
  callClient: CallClient;
  signal: AbortSignal;
  /** Of the action execution: a backup is made once for it. */
  id: string;
  /** @throws BackupctlError refused */
  checkDirectoryAllowed(path: string, use: 'backup' | 'restore'): Promise<void>;
}

/**
 * Asks the platform for something, and where that has begun a run waits for its end.
 * @throws ActionFailure for what a user can act on; what may be better in a moment is thrown as it is, to be tried again,
 *   where it may be asked twice
 */
export async function runPlatform(
  action: PlatformAction,
  input: Dictionary,
  surroundings: PlatformSurroundings,
): Promise<Value> {
  const { signal } = surroundings;
  try {
    signal.throwIfAborted();
    const args = await argumentsOf(action, input, surroundings);
    const answer = await surroundings.callClient(action.method, args);
    return action.waits && action.method !== 'executionWait'
      ? await ended(action, answer, surroundings)
      : answer;
  } catch (error) {
    signal.throwIfAborted();
    // A value of a kind that the method cannot take would not be another one the next time.
    if (error instanceof TypeError) throw new ActionFailure(`the input is not what ${action.name} takes`);
    if (!(error instanceof BackupctlError)) throw error;
    if (error.code === 'unavailable' && action.repeatable) throw error;
    throw new ActionFailure(error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
  }
}

async function argumentsOf(
  action: PlatformAction,
  input: Dictionary,
  { id, signal, checkDirectoryAllowed }: PlatformSurroundings,
): Promise<unknown[]> {
  const given = withDefaults(action.parameters, input);
  const names = action.parameters.map(({ name }) => name);
  const ofOwn = names.slice(0, action.positional).map((name) => own(given, name) ?? null);
  const options: Record<string, unknown> = {};
  for (const name of names.slice(action.positional)) {
    const value = own(given, name) ?? null;
    if (name === 'options' && isDictionary(value)) {
      for (const [key, item] of Object.entries(value)) options[camelCase(key)] = item;
    } else if (value !== null) {
      options[camelCase(name)] = times.has(name) ? instantOf(name, value) : value;
    }
  }
  switch (action.method) {
    case 'backupCreate':
      options.key = id;
      break;
    case 'backupExport':
      await checkDirectoryAllowed(String(options.directory), 'restore');
      break;
    case 'backupCopy':
      return ofOwn;
    case 'scheduleList':
    case 'schedulePause':
    case 'scheduleUnpause':
    case 'executionResume':
    case 'taskShow':
    case 'actionRun':
      return ofOwn.map((value) => value ?? undefined);
    default:
      break;
  }
  if (/Wait$/.test(action.method) || action.method === 'backupVerify') options.signal = signal;
  return action.parameters.length > action.positional || Object.keys(options).length > 0
    ? [...ofOwn, options]
    : ofOwn;
}

/** Parameters that the client takes as times. */
const times = new Set(['from', 'to', 'first_execution_time']);

/** @throws BackupctlError usage */
function instantOf(name: string, value: Value): Date {
  const at = typeof value === 'string' ? new Date(value) : new Date(Number.NaN);
  if (!Number.isNaN(at.getTime())) return at;
  throw new BackupctlError('usage', `${name} is no time of ISO 8601`, {
    hint: 'write it as 2026-11-21T09:30:00Z',
  });
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Waits for the run that an answer names; a cancel of the action goes on to it. */
async function ended(
  action: PlatformAction,
  answer: Value,
  { callClient, signal }: PlatformSurroundings,
): Promise<Value> {
  const begun = isDictionary(answer) ? answer : {};
  const execution = own(begun, 'execution_id') ?? own(begun, 'id') ?? null;
  if (typeof execution !== 'string') return answer;
  const done = await callClient('executionWait', [execution, { signal }]).catch(async (error: unknown) => {
    if (signal.aborted && mayEndIt()) await callClient('executionCancel', [execution]).catch(() => {});
    throw error;
  });
  const { state = null, output = null } = isDictionary(done) ? done : {};
  if (state !== 'SUCCESS' && !(action.method === 'workflowRun' && state === 'PAUSED')) {
    const reason = isDictionary(output) ? (own(output, 'error') ?? own(output, 'reason') ?? null) : null;
    throw new ActionFailure(
      `execution ${execution} of ${action.name} ended as ${String(state)}${typeof reason === 'string' ? `: ${reason}` : ''}`,
    );
  }
  switch (action.method) {
    case 'backupCreate':
      return callClient('backupShow', [own(begun, 'id')]);
    case 'restoreCreate':
      return callClient('restoreShow', [own(begun, 'id')]);
    case 'workflowRun':
      return callClient('workflowExecutionShow', [own(begun, 'id')]);
    default:
      return { ...begun, execution: done };
  }
}

/** A worker that is told to stop is no reason to end the run: the next attempt finds it. */
function mayEndIt(): boolean {
  return Context.current().cancellationDetails?.workerShutdown !== true;
}
