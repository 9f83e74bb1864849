import { parentPort, workerData } from 'node:worker_threads';
import variant from '@jitl/quickjs-wasmfile-release-sync';
import { newQuickJSWASMModuleFromVariant, shouldInterruptAfterDeadline } from 'quickjs-emscripten-core';

/** What the thread is given. */
export interface ScriptToRun {
  script: string;
  /** JSON. */
  context: string;
  /** Bytes. */
  memory: number;
  /** Seconds. */
  limit: number;
  /** Characters of the result as JSON. */
  mostResult: number;
}

/** What it says: JSON, or why there is none. */
export type ScriptAnswer = { json: string } | { error: string };

/**
 * Runs one script in an interpreter of its own, compiled to WebAssembly: within there is the language and nothing else. No
 * function of ours is handed in, so that there is none to get out by; what comes out is a text.
 */
async function run({ script, context, memory, limit, mostResult }: ScriptToRun): Promise<ScriptAnswer> {
  const quickjs = await newQuickJSWASMModuleFromVariant(variant as never);
  const runtime = quickjs.newRuntime();
  runtime.setMemoryLimit(memory);
  runtime.setMaxStackSize(512 * 1024);
  runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + limit * 1000));
  const vm = runtime.newContext();
  // Whoever has replaced `JSON.stringify` within has replaced it for this script alone: the text is parsed outside.
  const program = `globalThis.$ = JSON.parse(${JSON.stringify(context)});
const stringify = JSON.stringify;
const main = function () { return (0, eval)(${JSON.stringify(`function f() {\n${script}\n}\nf()`)}); };
stringify(main());`;
  const outcome = vm.evalCode(program, 'script.js', { type: 'global' });
  if (outcome.error) {
    const thrown: unknown = vm.dump(outcome.error);
    return { error: wordsOf(thrown) };
  }
  const kind = vm.typeof(outcome.value);
  if (kind === 'undefined') return { json: 'null' };
  if (kind !== 'string') return { error: 'the result is no data' };
  const length = vm.getProp(outcome.value, 'length').consume((handle) => vm.getNumber(handle));
  if (length > mostResult) return { error: `the result has more than ${mostResult} characters` };
  return { json: vm.getString(outcome.value) };
}

function wordsOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return String(thrown).slice(0, 2000);
  const { name, message } = thrown as { name?: unknown; message?: unknown };
  if (message === undefined) return JSON.stringify(thrown).slice(0, 2000);
  return `${typeof name === 'string' ? name : 'Error'}: ${typeof message === 'string' ? message : ''}`.slice(
    0,
    2000,
  );
}

const answer = await run(workerData as ScriptToRun).catch(
  (error: unknown): ScriptAnswer => ({
    error: error instanceof Error ? error.message : 'the interpreter failed',
  }),
);
parentPort?.postMessage(answer);
