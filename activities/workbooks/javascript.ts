import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorkbooksConfig } from '../../config/workbooks.ts';
import { pythonText } from '../../workbooks/actions/python-value.ts';
import type { Dictionary, Value } from '../../workbooks/expressions/value.ts';
import { Slots } from '../deps.ts';
import { ActionFailure } from './failure.ts';
import type { ScriptAnswer, ScriptToRun } from './javascript-thread.ts';
import { deepest, isTooDeep } from './nesting.ts';

/** Scripts at once: each has a thread and memory of its own. */
const slots = new Slots(2);

/** Seconds that a thread has besides its limit, to start and to hand its result over. */
const patience = 20;

const mostResult = 4 * 1024 * 1024;

/**
 * Runs the body of a function in a thread of its own; `$` is the context.
 * @throws ActionFailure for what the script throws, and where it takes too long or too much
 */
export async function runJavaScript(
  input: Dictionary,
  config: WorkbooksConfig['javascript'],
  signal: AbortSignal,
): Promise<Value> {
  const { script, context = null } = input as { script: Value; context?: Value };
  const work: ScriptToRun = {
    script: pythonText(script),
    context: JSON.stringify(context),
    memory: config.memory,
    limit: config.limit,
    mostResult,
  };
  const answer = await slots.with(signal, () => inThread(work, signal));
  if ('json' in answer) {
    const value = JSON.parse(answer.json) as Value;
    if (isTooDeep(value))
      throw new ActionFailure(`JavaScriptAction failed: the result is nested more than ${deepest} deep`);
    return value;
  }
  const interrupted = /InternalError: interrupted/.test(answer.error);
  throw new ActionFailure(
    `JavaScriptAction failed: ${interrupted ? `it took longer than ${config.limit} s` : answer.error}`,
  );
}

async function inThread(work: ScriptToRun, signal: AbortSignal): Promise<ScriptAnswer> {
  const program = new URL(`./javascript-thread${extname(import.meta.filename)}`, import.meta.url);
  const thread = new Worker(program, {
    workerData: work,
    env: {},
    // Nothing of how this process was started.
    execArgv: [],
    stdin: false,
    resourceLimits: { maxOldGenerationSizeMb: 128 },
  });
  const { promise, resolve, reject } = Promise.withResolvers<ScriptAnswer>();
  const abort = () => reject(signal.reason);
  const late = () => resolve({ error: 'InternalError: interrupted' });
  const timer = setTimeout(late, (work.limit + patience) * 1000);
  signal.addEventListener('abort', abort, { once: true });
  thread.once('message', resolve);
  thread.once('error', (error: Error) => resolve({ error: error.message }));
  thread.once('exit', () => resolve({ error: 'the interpreter ended' }));
  try {
    signal.throwIfAborted();
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    await thread.terminate();
  }
}
