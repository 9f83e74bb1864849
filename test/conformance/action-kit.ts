import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { type ActionDeps, createWorkbookActivities } from '../../activities/workbooks/action-run.ts';
import { loadConfig } from '../../config/load.ts';
import { checkAllowed, resolveStoreSecret } from '../../config/secrets.ts';
import type { Outcome } from '../../workbooks/actions/action.ts';
import type { ActionRun } from '../../workbooks/actions/action-run.ts';
import type { Dictionary } from '../../workbooks/expressions/value.ts';

export const actionExecutionId = '0b9f6f3e-6d0e-4c55-8a4c-5f3b0e6f7a11';

/** A worker that runs actions as its configuration allows, without Temporal. */
export interface ActionWorker {
  /** For files of the test. */
  folder: string;
  /** What it has logged, a line each. */
  log: string[];
  run(name: string, input: Dictionary, options?: Partial<ActionRun> & RunOptions): Promise<Outcome>;
  close(): Promise<void>;
}

export interface RunOptions {
  environment?: MockActivityEnvironment;
}

/** @param yaml of the file, or how to write it: it is told the worker's own folder */
export async function actionWorker(
  yaml: string | ((folder: string) => string | Promise<string>),
  options: { env?: Record<string, string>; deps?: Partial<ActionDeps> } = {},
): Promise<ActionWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'backupctl-test-action-'));
  await writeFile(join(folder, 'backupctl.yaml'), typeof yaml === 'string' ? yaml : await yaml(folder));
  const env = { HOME: folder, ...options.env };
  const config = await loadConfig({ dataDir: folder, env, cwd: '/' });
  const log: string[] = [];
  const note = (line: string, fields?: object) => log.push(`${line} ${JSON.stringify(fields ?? {})}`);
  const deps: ActionDeps = {
    config,
    events: { info: note, warn: note, error: note },
    ownText: async (text) => (typeof text === 'string' ? text : (await resolveStoreSecret(text, env)).value),
    checkFileAllowed: (path) => checkAllowed({ file: path }, config),
    checkDirectoryAllowed: async () => {},
    callClient: async (method) => {
      throw new Error(`nobody answers ${method}`);
    },
    ...options.deps,
  };
  const { action_run } = createWorkbookActivities(deps);
  return {
    folder,
    log,
    run(name, input, { environment = new MockActivityEnvironment(), ...rest } = {}) {
      const run: ActionRun = {
        name,
        input,
        shown: '<the action>',
        execution: {
          action_execution_id: actionExecutionId,
          task_execution_id: 'task-1',
          workflow_execution_id: 'workflow-1',
          workflow_name: 'wb.wf',
        },
        timeout: null,
        safe_rerun: false,
        ...rest,
      };
      return environment.run(action_run, run) as Promise<Outcome>;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** How an action's error says that it has thrown. */
export function raisedText(message: string): string {
  return `The action raised an exception [action=<the action>, action_ex_id=${actionExecutionId}, msg='${message}']`;
}
