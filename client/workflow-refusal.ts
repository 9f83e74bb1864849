import { randomUUID } from 'node:crypto';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { Definitions, FoundWorkflow } from '../workbooks/engine/definitions.ts';
import type { Host } from '../workbooks/engine/host.ts';
import { begin } from '../workbooks/engine/lifecycle.ts';
import { newRun } from '../workbooks/engine/new-run.ts';
import { Run } from '../workbooks/engine/run.ts';
import { RunError } from '../workbooks/engine/run-error.ts';
import { defaultLimits, ExpressionError } from '../workbooks/expressions/language.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';

/** A host that does nothing: to find out beforehand what a run would be refused for. */
export function idleHost(definitions?: Definitions): Host {
  return {
    source: { now: () => Date.now(), uuid: randomUUID, random: Math.random },
    limits: defaultLimits,
    findAction: (name) => definitions?.action(name),
    start: () => undefined,
    startTimer: () => undefined,
    tellChild: () => undefined,
    tellParent: () => undefined,
    elsewhere: { executions: [], tasks: [] },
  };
}

/** Begins a run for nothing. @throws BackupctlError usage where it would be refused, in the language's words */
export function checkStart(
  definitions: Definitions,
  { name, workbook, spec }: FoundWorkflow,
  { input, params }: { readonly input: Dictionary; readonly params: Dictionary },
): void {
  const host = idleHost(definitions);
  refusing(`workflow ${name} is not started`, () => {
    const start = { id: randomUUID(), workflowName: name, spec, description: '', input, params };
    begin(new Run(newRun({ ...start, ...(workbook && { workbook }) }, host.source, host.limits), host));
  });
}

/** Turns what the language refuses into one line. @throws BackupctlError usage */
export function refusing(what: string, attempt: () => void): void {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof RunError) && !(error instanceof ExpressionError)) throw error;
    throw new BackupctlError('usage', `${what}: ${messageOf(error)}`, { cause: error });
  }
}
