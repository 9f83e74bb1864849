import { randomUUID } from 'node:crypto';
import { isAbsolute } from 'node:path';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { RestorePlan, RestoreRequest } from '../engines/engine.ts';
import type { Capabilities, RestoreFlag } from '../engines/facts.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { RestoreFinishInput, RestoreInput, RestoreOutput } from '../workflows/types.ts';
import { quoted } from './attributes.ts';
import type { Backups } from './backups.ts';
import { checkLimit, cutPage } from './execution-pages.ts';
import { toExecution } from './execution-record.ts';
import type { Executions } from './executions.ts';
import type { InstanceNames } from './instance-names.ts';
import type { Surroundings } from './surroundings.ts';
import type { Execution, Page, Restore, RestoreFilter, RestoreOptions, RestoreStatus } from './types.ts';

const prefix = 'restore/';
const DEFAULT_LIMIT = 100;

const statuses: Record<Execution['state'], RestoreStatus> = {
  RUNNING: 'RESTORING',
  PAUSED: 'RESTORING',
  SUCCESS: 'COMPLETED',
  ERROR: 'FAILED',
  CANCELLED: 'CANCELLED',
  SKIPPED: 'FAILED',
  MISSED: 'FAILED',
};

/** Restores: each is an execution, under an id of its own. */
export class Restores {
  readonly #surroundings: Surroundings;
  readonly #instances: InstanceNames;
  readonly #backups: Backups;
  readonly #executions: Executions;

  constructor(
    surroundings: Surroundings,
    parts: { names: InstanceNames; backups: Backups; executions: Executions },
  ) {
    this.#surroundings = surroundings;
    this.#instances = parts.names;
    this.#backups = parts.backups;
    this.#executions = parts.executions;
  }

  /** See {@link BackupClient.restoreCreate}. */
  async create(backup: string, instance: string | null, options: RestoreOptions): Promise<Restore> {
    const input = await this.#input(backup, instance, options);
    const { startRun } = await import('./runs.ts');
    const row = await startRun(this.#surroundings, {
      type: 'restore_create',
      workflowId: `${prefix}${input.restore_id}`,
      args: [input],
      labels: { kind: 'restore', instance: input.target_instance_id, backup: input.backup.backup_id },
    });
    return { ...toRestore(row), status: 'NEW' };
  }

  /** See {@link BackupClient.restorePlan}. */
  async plan(backup: string, instance: string | null, options: RestoreOptions): Promise<RestorePlan> {
    const input = await this.#input(backup, instance, options);
    const { runToEnd } = await import('./runs.ts');
    return runToEnd<RestorePlan>(this.#surroundings, { type: 'restore_plan', args: [input] });
  }

  /** See {@link BackupClient.restoreList}. */
  async list({ instance, marker, limit = DEFAULT_LIMIT }: RestoreFilter): Promise<Page<Restore>> {
    checkLimit(limit);
    const target = instance === undefined ? null : await this.#instances.find(instance);
    const link = await this.#surroundings.temporal();
    const query = [
      `WorkflowType = 'restore_create'`,
      ...(target === null ? [] : [`BackupctlInstance = ${quoted(target.id)}`]),
    ].join(' AND ');
    const after = marker === undefined ? null : await this.#find(marker);
    if (after !== null && target !== null && toRestore(after).instanceId !== target.id) {
      throw new BackupctlError('usage', `restore ${marker} is not one of instance ${instance}`, {
        hint: 'use an id that the same list printed as the marker',
      });
    }
    const { rows, more } = await cutPage(link, { query, limit, after });
    const items = rows.map(toRestore).reverse();
    return { items, nextMarker: more ? (items[0]?.id ?? null) : null };
  }

  /** See {@link BackupClient.restoreShow}. */
  async show(id: string): Promise<Restore> {
    const row = await this.#find(id);
    const restore = toRestore(row);
    const link = await this.#surroundings.temporal();
    if (restore.endedAt === null) {
      const { readSteps } = await import('./execution-steps.ts');
      const step = (await readSteps(link, row)).find(({ endedAt }) => endedAt === null);
      return {
        ...restore,
        status: step?.name === 'restore_run' ? 'RESTORING' : restore.status,
        phase: step === undefined ? null : (step.output ?? step.name),
      };
    }
    if (restore.databases.length > 0) return restore;
    // Where some failed, what became of each stands in the history only.
    const { readActivityResult } = await import('./execution-steps.ts');
    const databases = await readActivityResult(link, row, 'restore_run');
    return { ...restore, databases: Array.isArray(databases) ? databases : [] };
  }

  /** See {@link BackupClient.restoreCancel}. */
  async cancel(id: string): Promise<void> {
    const row = await this.#find(id);
    await this.#executions.cancel(toExecution(row).id);
  }

  /** See {@link BackupClient.restoreFinish}. */
  async finish(id: string): Promise<Execution> {
    const restore = await this.show(id);
    if (restore.endedAt === null) {
      throw new BackupctlError('conflict', `restore ${id} is not over`, {
        hint: `wait for it, or cancel it with \`backupctl restore-cancel ${id}\``,
      });
    }
    const kept = restore.databases.filter(({ kept_as }) => kept_as !== null);
    // One that was cancelled cannot tell what it had kept by then; the target can.
    if (kept.length === 0 && restore.status !== 'CANCELLED') {
      throw new BackupctlError('refused', `restore ${id} kept no old database`, {
        hint: 'there is nothing to finish',
      });
    }
    const workflowId = `restore_finish/${id.toLowerCase()}`;
    if (await this.#isFinished(workflowId)) {
      throw new BackupctlError('conflict', `restore ${id} was finished before`, {
        hint: 'the old databases are gone already',
      });
    }
    const input: RestoreFinishInput = {
      restore_id: restore.id,
      target_instance_id: restore.instanceId,
      databases: kept,
    };
    const { startRun } = await import('./runs.ts');
    const row = await startRun(this.#surroundings, {
      type: 'restore_finish',
      workflowId,
      args: [input],
      labels: { kind: 'restore', instance: restore.instanceId, backup: restore.backupId },
    });
    return toExecution(row);
  }

  async #input(backup: string, instanceName: string | null, options: RestoreOptions): Promise<RestoreInput> {
    const manifest = await this.#backups.manifest(backup);
    const instance = await this.#instances.find(instanceName ?? manifest.instance.id);
    const restoreId = randomUUID();
    const request: RestoreRequest = {
      restoreId,
      databases: options.databases ?? [],
      createDatabase: options.createDatabase ?? null,
      overwrite: options.overwrite ?? false,
      dropOld: options.dropOld ?? false,
      disconnect: options.disconnect ?? false,
      include: options.include ?? [],
      globals: options.globals ?? false,
      noOwner: options.noOwner ?? false,
      noPrivileges: options.noPrivileges ?? false,
      noTablespaces: options.noTablespaces ?? false,
      ...(options.toDirectory === undefined ? {} : { toDirectory: options.toDirectory }),
      ...(options.noBinlog === true ? { noBinlog: true } : {}),
      ...(options.force === true ? { force: true } : {}),
    };
    const { factsOf } = await import('../engines/registry.ts');
    const { title, capabilities } = await factsOf(manifest.engine);
    checkAbilities(request, title, capabilities);
    checkRequest(
      request,
      manifest.contents.map(({ name }) => name),
    );
    if (manifest.engine !== instance.engine) {
      throw new BackupctlError(
        'usage',
        `backup ${manifest.id} is of ${manifest.engine}, ${instance.name} is ${instance.engine}`,
        { hint: 'choose a target of the same kind' },
      );
    }
    return {
      restore_id: restoreId,
      backup: { instance_id: manifest.instance.id, backup_id: manifest.id },
      target_instance_id: instance.id,
      request,
    };
  }

  async #find(id: string): Promise<WorkflowExecutionInfo> {
    const link = await this.#surroundings.temporal();
    const query = `WorkflowType = 'restore_create' AND WorkflowId = ${quoted(prefix + id.toLowerCase())}`;
    const found = await link.call(async ({ workflow }) => {
      for await (const row of workflow.list({ query, pageSize: 2 })) return row;
      return null;
    });
    if (found !== null) return found;
    throw new BackupctlError('not-found', `there is no restore ${id}`, {
      hint: '`backupctl restore-list` shows the ids of those that exist',
    });
  }

  async #isFinished(workflowId: string): Promise<boolean> {
    const link = await this.#surroundings.temporal();
    const query = `WorkflowId = ${quoted(workflowId)} AND ExecutionStatus = 'Completed'`;
    return link.call(async ({ workflow }) => {
      for await (const _ of workflow.list({ query, pageSize: 1 })) return true;
      return false;
    });
  }
}

function toRestore(row: WorkflowExecutionInfo): Restore {
  const execution = toExecution(row);
  const output = execution.output as Partial<RestoreOutput> | null;
  const failed = execution.state !== 'SUCCESS' && execution.state !== 'RUNNING';
  return {
    id: row.workflowId.slice(prefix.length),
    status: statuses[execution.state],
    backupId: execution.backupId ?? '',
    instanceId: execution.instanceId ?? '',
    databases: output?.databases ?? [],
    phase: null,
    executionId: execution.id,
    startedAt: execution.executionTime,
    endedAt: execution.endedAt,
    error: failed ? (output?.error ?? output?.status ?? null) : null,
    hint: failed ? (output?.hint ?? null) : null,
  };
}

const flagNames: Record<RestoreFlag, string> = {
  globals: '--globals',
  noOwner: '--no-owner',
  noPrivileges: '--no-privileges',
  noTablespaces: '--no-tablespaces',
  disconnect: '--disconnect',
  noBinlog: '--no-binlog',
  force: '--force',
};

/** What the engine cannot do is refused by name. @throws BackupctlError usage */
function checkAbilities(request: RestoreRequest, title: string, { restore }: Capabilities): void {
  const asked: [boolean, string][] = [
    [request.createDatabase !== null && !restore.rename, '--create-database'],
    [request.overwrite && !restore.overwrite, '--overwrite'],
    [request.toDirectory !== undefined && !restore.directory, '--to-directory'],
    [request.include.length > 0 && restore.include === null, '--include'],
    ...Object.entries(flagNames).map(([flag, name]): [boolean, string] => [
      request[flag as RestoreFlag] === true && !restore.flags.includes(flag as RestoreFlag),
      name,
    ]),
  ];
  const words = asked.find(([refused]) => refused)?.[1];
  if (words === undefined) return;
  throw new BackupctlError('usage', `${words} means nothing for a backup of ${title}`, {
    hint: 'leave it out',
  });
}

/** What contradicts itself is refused before anything is started. */
function checkRequest(request: RestoreRequest, contents: string[]): void {
  const { createDatabase, overwrite, databases, include } = request;
  const refuse = (message: string, hint: string) => new BackupctlError('usage', message, { hint });
  if (request.toDirectory !== undefined && !isAbsolute(request.toDirectory)) {
    throw refuse('--to-directory is not an absolute path', 'the worker may stand in another folder');
  }
  if (createDatabase !== null && overwrite) {
    throw refuse('--create-database and --overwrite are both given', 'restore beside, or over what is there');
  }
  if (include.length > 0 && createDatabase === null && request.toDirectory === undefined) {
    throw refuse(
      '--include goes with --create-database only',
      'a swap with a part of the data would lose the rest',
    );
  }
  if (request.dropOld && !overwrite) throw refuse('--drop-old goes with --overwrite', 'leave it out');
  const unknown = databases.find((name) => !contents.includes(name));
  if (unknown !== undefined) {
    throw new BackupctlError('not-found', `the backup holds no database ${unknown}`, {
      hint: `it holds ${contents.join(', ')}`,
    });
  }
  const picked = databases.length > 0 ? databases.length : contents.length;
  if (createDatabase !== null && picked > 1) {
    throw refuse(
      `--create-database takes one database, and ${picked} are to be restored`,
      'pick one with --database',
    );
  }
}
