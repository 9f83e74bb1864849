import { randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Manifest } from '../repository/manifest.ts';
import type { Repository } from '../repository/repository.ts';
import {
  type BackupCreateInput,
  type BackupDeleteInput,
  type BackupHealInput,
  healWorkflowId,
  type RunPolicy,
} from '../workflows/types.ts';
import { checkAbilities } from './abilities.ts';
import { checkLimit } from './execution-pages.ts';
import { attribute } from './execution-record.ts';
import type { Executions } from './executions.ts';
import type { InstanceNames } from './instance-names.ts';
import type { Surroundings } from './surroundings.ts';
import type {
  Backup,
  BackupContent,
  BackupDetails,
  BackupFilter,
  BackupOptions,
  BackupPage,
  ExportedFile,
  VerifiedBackup,
  WaitOptions,
} from './types.ts';
import { until } from './until.ts';
import { mebibytes } from './verification.ts';

/** Milliseconds within which a worker has to take a new run, so that its backup has an id. */
const TAKEN = 20_000;

/** Backups: what the repository holds, and what runs are making. */
export class Backups {
  readonly #surroundings: Surroundings;
  readonly #instances: InstanceNames;
  readonly #executions: Executions;

  constructor(surroundings: Surroundings, instances: InstanceNames, executions: Executions) {
    this.#surroundings = surroundings;
    this.#instances = instances;
    this.#executions = executions;
  }

  /** See {@link BackupClient.backupCreate}. */
  async create(instanceName: string, name: string, options: BackupOptions): Promise<Backup> {
    const [{ checkName }, { startRun }] = await Promise.all([
      import('./schedule-options.ts'),
      import('./runs.ts'),
    ]);
    checkName(name);
    const instance = await this.#instances.find(instanceName);
    await checkAbilities(instance, options);
    const input: BackupCreateInput = {
      instance: instance.id,
      description: options.description ?? null,
      parent_id: options.parentId ?? null,
      name,
      ...(options.incremental ? { incremental: true } : {}),
      ...(options.selection === undefined ? {} : { selection: options.selection }),
      ...(options.yieldToDdl === undefined ? {} : { yield_to_ddl: options.yieldToDdl }),
    };
    const policy: RunPolicy = {
      schedule_id: null,
      overlap: 'skip',
      on_busy: 'wait',
      catchup_window: 0,
      active_since: null,
    };
    const row = await startRun(this.#surroundings, {
      type: 'backup_create',
      workflowId: `backup_create/manual/${options.key ?? randomUUID()}`,
      args: [input, policy],
      labels: { kind: 'backup', instance: instance.id },
      once: options.key !== undefined,
    });
    const backupId = await this.#idOf(row.runId);
    return {
      id: backupId,
      name,
      description: input.description,
      instanceId: instance.id,
      instanceName: instance.name,
      status: 'NEW',
      parentId: input.parent_id,
      datastore: instance.engine,
      datastoreVersion: null,
      size: null,
      createdAt: row.startTime,
      updatedAt: row.startTime,
      executionId: row.runId,
      scheduleId: null,
      deletion: null,
      progress: null,
    };
  }

  /** See {@link BackupClient.backupList}. */
  async list(filter: BackupFilter): Promise<BackupPage> {
    checkLimit(filter.limit);
    const { listBackups } = await import('./backup-list.ts');
    return listBackups(this.#surroundings, filter);
  }

  /** See {@link BackupClient.backupShow}. */
  async show(reference: string, { unambiguous = false }: { unambiguous?: boolean }): Promise<BackupDetails> {
    const reading = await this.#surroundings.reading();
    const { repository } = reading;
    try {
      const found = await reading.find(reference, { forDelete: unambiguous, evenDeleted: true });
      const { id } = found.manifest;
      const { toBackup, toDeletion } = await import('./backup-list.ts');
      const [marks, { deletionGrace }] = await Promise.all([
        repository.marks(id),
        this.#surroundings.config(),
      ]);
      const place = { instanceId: found.manifest.instance.id, backupId: id };
      const { openQuorum, readCopyStates } = await import('./copy-states.ts');
      const [isComplete, copies] = await Promise.all([
        openQuorum(this.#surroundings).then((complete) => complete(place)),
        readCopyStates(this.#surroundings, { ...place, size: found.manifest.sealed_size }),
      ]);
      return {
        ...toBackup(found, toDeletion(marks, deletionGrace), isComplete),
        copies,
        manifest: found.manifest,
        marks,
        error: null,
      };
    } catch (error) {
      if (!(error instanceof BackupctlError) || error.code !== 'not-found') throw error;
      const running = await this.#running(reference, unambiguous);
      if (running === null) throw error;
      return running;
    }
  }

  /** See {@link BackupClient.backupCopy}. */
  async copy(reference: string, to: string): Promise<{ id: string; executionId: string }> {
    const copies = await this.#surroundings.copies();
    if (copies.named(to).name === copies.primary.name) {
      throw new BackupctlError('usage', `${to} is the first repository, from which copies are made`);
    }
    const repository = await this.#surroundings.repository();
    const { manifest } = await repository.findBackup(reference);
    const { startCopyRun } = await import('./copy-run.ts');
    const input = { instance_id: manifest.instance.id, backup_id: manifest.id, copy: to };
    return { id: manifest.id, executionId: await startCopyRun(this.#surroundings, input) };
  }

  /** See {@link BackupClient.backupDelete}. */
  async delete(reference: string): Promise<{ id: string; executionId: string }> {
    const place = await this.#placeOf(await this.#surroundings.repository(), reference, true);
    const { startRun } = await import('./runs.ts');
    const input: BackupDeleteInput = {
      instance_id: place.instanceId,
      backup_id: place.backupId,
      by: `${userInfo().username}@${hostname()}`,
    };
    const row = await startRun(this.#surroundings, {
      type: 'backup_delete',
      workflowId: `backup_delete/${place.backupId}`,
      args: [input],
      labels: { kind: 'delete', instance: place.instanceId, backup: place.backupId },
    });
    return { id: place.backupId, executionId: row.runId };
  }

  /** See {@link BackupClient.backupUndelete}. */
  async undelete(reference: string): Promise<{ id: string; executionId: string }> {
    const [{ findDeleted }, { startRun }] = await Promise.all([
      import('./deleted-backup.ts'),
      import('./runs.ts'),
    ]);
    const place = await findDeleted(await this.#surroundings.repository(), reference);
    const input: BackupDeleteInput = {
      instance_id: place.instanceId,
      backup_id: place.backupId,
      by: `${userInfo().username}@${hostname()}`,
    };
    const row = await startRun(this.#surroundings, {
      type: 'backup_undelete',
      workflowId: `backup_undelete/${place.backupId}`,
      args: [input],
      labels: { kind: 'undelete', instance: place.instanceId, backup: place.backupId },
    });
    return { id: place.backupId, executionId: row.runId };
  }

  /** See {@link BackupClient.backupHeal}. */
  async heal(reference: string, options: { copy?: string }): Promise<{ id: string; executionId: string }> {
    const copies = await this.#surroundings.copies();
    const { copy = null } = options;
    if (copy !== null) copies.named(copy);
    const reading = await this.#surroundings.reading();
    const place = await this.#placeOf(reading.repository, reference, true).catch(async (error: unknown) => {
      // What the first repository has lost, a copy may have.
      if (!(error instanceof BackupctlError) || error.code !== 'not-found') throw error;
      const { manifest } = await reading.find(reference, { forDelete: true });
      return { instanceId: manifest.instance.id, backupId: manifest.id };
    });
    const { startRun } = await import('./runs.ts');
    const input: BackupHealInput = { instance_id: place.instanceId, backup_id: place.backupId, copy };
    const row = await startRun(this.#surroundings, {
      type: 'backup_heal',
      workflowId: healWorkflowId(place.backupId),
      args: [input],
      labels: { kind: 'heal', instance: place.instanceId, backup: place.backupId },
    });
    return { id: place.backupId, executionId: row.runId };
  }

  /** See {@link BackupClient.backupVerify}. */
  async verify(
    reference: string,
    options: WaitOptions & { data?: boolean; copy?: string },
  ): Promise<VerifiedBackup> {
    const reading = await this.#surroundings.reading();
    const place = await this.#placeOf(reading.repository, reference, false).catch(async (error: unknown) => {
      // What the first repository has lost, a copy that is to be verified may have.
      if (options.copy === undefined) throw error;
      const { manifest } = await reading.find(reference);
      return { instanceId: manifest.instance.id, backupId: manifest.id, name: manifest.name };
    });
    const { verifyIn } = await import('./verification.ts');
    const outcome = await verifyIn(await this.#surroundings.copies(), reading, place, options);
    return { id: place.backupId, name: place.name, ...outcome };
  }

  /** See {@link BackupClient.backupContents}. */
  async contents(reference: string): Promise<BackupContent[]> {
    const found: BackupContent[] = [];
    for await (const line of this.contentLines(reference)) found.push(line);
    return found;
  }

  /** See {@link BackupClient.backupContentLines}. */
  async *contentLines(reference: string): AsyncGenerator<BackupContent, void, void> {
    const { find, repository, sources } = await this.#surroundings.reading();
    const { manifest } = await find(reference);
    const { factsOf } = await import('../engines/registry.ts');
    const { signal } = new AbortController();
    const { contents } = await factsOf(manifest.engine);
    yield* contents({
      manifest,
      index: (name) => repository.readIndex(manifest, name, { sources }),
      open: (stream) => repository.openStream(manifest, stream, { signal, sources }),
    });
  }

  /** See {@link BackupClient.backupExport}. */
  async export(
    reference: string,
    options: WaitOptions & { directory: string; unsealed?: boolean },
  ): Promise<ExportedFile[]> {
    const { find, repository, sources } = await this.#surroundings.reading();
    const { manifest } = await find(reference);
    const { onProgress } = options;
    const paths = await repository.exportBackup(manifest, options.directory, {
      unsealed: options.unsealed ?? false,
      signal: options.signal ?? new AbortController().signal,
      onProgress: (bytes) => onProgress?.(`${mebibytes(bytes)} MiB written`),
      sources,
    });
    return Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })));
  }

  /** See {@link BackupClient.backupHowToRestore}. */
  async howToRestore(reference: string): Promise<string[]> {
    const manifest = await this.manifest(reference);
    const { factsOf } = await import('../engines/registry.ts');
    return (await factsOf(manifest.engine)).stockRestore(manifest);
  }

  /** The manifest of a backup that is whole and not being deleted. @throws BackupctlError not-found, corrupt */
  async manifest(reference: string): Promise<Manifest> {
    return (await (await this.#surroundings.reading()).find(reference)).manifest;
  }

  /** The id of the backup that a run makes; the run names it with its first step. */
  async #idOf(executionId: string): Promise<string> {
    let backupId: string | null = null;
    try {
      await until(
        async () => {
          backupId = attribute(await this.#executions.find(executionId), 'BackupctlBackup');
          return backupId !== null;
        },
        { timeout: TAKEN },
      );
    } catch (error) {
      throw new BackupctlError('unavailable', `no worker has taken execution ${executionId} yet`, {
        hint: `it waits for one: see \`backupctl execution-show ${executionId}\`, or cancel it with \`backupctl execution-cancel ${executionId}\``,
        cause: error,
      });
    }
    return backupId ?? '';
  }

  /** Where a backup is, also one whose manifest is damaged, where it is named by its id. */
  async #placeOf(
    repository: Repository,
    reference: string,
    forDelete: boolean,
  ): Promise<{ instanceId: string; backupId: string; name: string }> {
    try {
      const { manifest } = await repository.findBackup(reference, { forDelete });
      return { instanceId: manifest.instance.id, backupId: manifest.id, name: manifest.name };
    } catch (error) {
      if (!(error instanceof BackupctlError) || error.code !== 'corrupt') throw error;
      for await (const { damaged } of repository.backups()) {
        if (damaged?.backupId === reference.toLowerCase()) return { ...damaged, name: '(damaged)' };
      }
      throw error;
    }
  }

  /**
   * A backup that is being made or could not be made, by its id or, where that need not be unambiguous, its name; null
   * where there is none, or Temporal is away.
   */
  async #running(reference: string, unambiguous: boolean): Promise<BackupDetails | null> {
    const { findBackupRun, findNamedRun, toRunningBackup } = await import('./backup-runs.ts');
    const link = await this.#surroundings.temporal().catch(() => null);
    if (link === null) return null;
    const byId = /^[0-9a-f-]{36}$/i.test(reference);
    if (!byId && unambiguous) return null;
    const run = await (byId ? findBackupRun(link, reference.toLowerCase()) : findNamedRun(link, reference));
    if (run === null) return null;
    const instances = await (await this.#surroundings.reading()).repository.instances();
    const find = (instanceId: string) => instances.find((instance) => instance.id === instanceId);
    const backup = await toRunningBackup(
      link,
      run,
      (instanceId) => find(instanceId)?.name ?? instanceId,
      (instanceId) => find(instanceId)?.engine ?? '',
    );
    return { ...backup, copies: [], manifest: null, marks: [] };
  }
}
