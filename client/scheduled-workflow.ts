import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Repository } from '../repository/repository.ts';
import type { Dictionary, Value } from '../workbooks/expressions/value.ts';
import type { ScheduledWorkflow } from '../workflows/types.ts';
import type { ScheduleOptions, WorkflowRequest } from './types.ts';
import { checkStart, registeredWorkflow } from './workflow-definitions.ts';

/** Bytes of input and parameters, as JSON: both stand in each run's history. */
const mostBytes = 256 * 1024;

/** What a schedule knows that a workflow may ask for. */
export interface ScheduleWords {
  /** Instance id; null for one that is of no instance. */
  instance: string | null;
  name: string;
  description: string | null;
  parentId: string | null;
}

/** What is of backups alone, and its flag. */
const ofBackups = {
  incremental: '--incremental',
  selection: '--include, --exclude, --schema-only and --data-only',
  yieldToDdl: '--yield-to-ddl',
  hooks: '--hook and --hook-sql',
  keepLast: '--keep-last',
  onBusy: '--on-busy',
} as const;

/**
 * The workflow as each run of a schedule gets it: checked against its definition of now, with what the schedule knows in
 * those of its parameters that were not given.
 * @throws BackupctlError not-found for the workflow; usage for an input that it does not take
 */
export async function scheduledWorkflowOf(
  repository: Repository,
  request: WorkflowRequest,
  words: ScheduleWords,
): Promise<ScheduledWorkflow> {
  const definition = await registeredWorkflow(repository, request.name);
  const given = request.input ?? {};
  const params = request.params ?? {};
  const known: Record<string, Value> = {
    ...(words.instance === null ? {} : { instance: words.instance }),
    description: words.description,
    parent_id: words.parentId,
    name: words.name,
  };
  const filled: Record<string, Value> = {};
  for (const [name, value] of Object.entries(known)) {
    const declared = definition.input.find((parameter) => parameter.name === name);
    if (declared === undefined || Object.hasOwn(given, name)) continue;
    // What nobody said leaves the workflow's own default alone.
    if (value !== null || declared.default === undefined) filled[name] = value;
  }
  const input: Dictionary = { ...filled, ...given };
  checkStart(definition, input, params);
  checkSize(input, params);
  return { name: request.name, input, params };
}

/** @throws BackupctlError usage */
export function checkSize(input: Dictionary, params: Dictionary): void {
  const bytes = Buffer.byteLength(JSON.stringify([input, params]));
  if (bytes <= mostBytes) return;
  throw new BackupctlError('usage', `input and parameters have ${bytes} bytes`, {
    hint: `use at most ${mostBytes}; larger things are better read by the workflow itself`,
  });
}

/** @throws BackupctlError usage, naming what goes with backups alone */
export function checkNoneOfBackups(
  options: Partial<Pick<ScheduleOptions, keyof typeof ofBackups>>,
  hint = 'leave it out, or leave --workflow out',
): void {
  for (const [name, flag] of Object.entries(ofBackups)) {
    const value = options[name as keyof typeof ofBackups];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) continue;
    throw new BackupctlError('usage', `${flag} is of backups, and this schedule runs a workflow`, { hint });
  }
}
