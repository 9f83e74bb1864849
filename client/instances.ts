import { randomUUID } from 'node:crypto';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { InstanceRecord } from '../repository/manifest.ts';
import type { InstanceChangeInput, InstanceChangeResult } from '../workflows/types.ts';
import { checkedHooks } from './hooks.ts';
import type { InstanceNames } from './instance-names.ts';
import { checkMaxAge, fromRecord, toRecord } from './max-age.ts';
import type { Schedules } from './schedules.ts';
import type { Surroundings } from './surroundings.ts';
import type { Instance, InstanceChanges, InstanceOptions } from './types.ts';

/** Instances: what can be backed up. They are kept in the repository, and changed through workflows. */
export class Instances {
  readonly #surroundings: Surroundings;
  readonly #names: InstanceNames;
  readonly #schedules: Schedules;

  constructor(surroundings: Surroundings, names: InstanceNames, schedules: Schedules) {
    this.#surroundings = surroundings;
    this.#names = names;
    this.#schedules = schedules;
  }

  /** See {@link BackupClient.instanceCreate}. */
  async create(name: string, options: InstanceOptions): Promise<Instance> {
    const { engine, url } = await checked(name, options.url);
    checkMaxAge(options.maxAge);
    await this.#refuseTaken(name);
    const now = new Date().toISOString();
    const record: InstanceRecord = {
      id: randomUUID(),
      revision: 1,
      deleted: false,
      name,
      engine,
      url,
      password: options.password ?? null,
      task_queue: options.taskQueue ?? null,
      ...toRecord(options.maxAge),
      ...(await checkedHooks(options.hooks, { engine })),
      created_at: now,
      updated_at: now,
    };
    return this.#change({ action: 'create', record, check: options.check ?? true });
  }

  /** See {@link BackupClient.instanceList}. */
  async list(onDamaged?: (problem: string) => void): Promise<Instance[]> {
    const { repository } = await this.#surroundings.reading();
    const told = onDamaged && (({ problem }: { problem: string }) => onDamaged(problem));
    return (await repository.instances(told)).map(toInstance);
  }

  /** See {@link BackupClient.instanceShow}. */
  async show(
    idOrName: string,
    options: { check?: boolean | undefined; coverage?: boolean | undefined },
  ): Promise<Instance> {
    const record = await this.#names.find(idOrName);
    // The revision that is there already is recognised, so that a check writes nothing.
    const instance = options.check
      ? await this.#change({ action: 'update', record, check: true })
      : toInstance(record);
    if (!options.coverage) return instance;
    const { coverageOf } = await import('./coverage.ts');
    return { ...instance, coverage: await coverageOf(record, this.#schedules) };
  }

  /** See {@link BackupClient.instanceUpdate}. */
  async update(idOrName: string, changes: InstanceChanges): Promise<Instance> {
    const record = await this.#names.find(idOrName);
    const name = changes.name ?? record.name;
    const { engine, url } = await checked(name, changes.url ?? record.url);
    if (engine !== record.engine) {
      throw new BackupctlError('refused', `${record.name} is ${record.engine}, the new URL is ${engine}`, {
        hint: 'create another instance',
      });
    }
    if (name !== record.name) await this.#refuseTaken(name);
    checkMaxAge(changes.maxAge);
    const { max_age: before, hooks: hooksBefore, ...rest } = record;
    return this.#change({
      action: 'update',
      record: {
        ...rest,
        revision: record.revision + 1,
        name,
        url,
        password: changes.password === undefined ? record.password : changes.password,
        task_queue: changes.taskQueue === undefined ? record.task_queue : changes.taskQueue,
        ...toRecord(changes.maxAge === undefined ? fromRecord(before) : changes.maxAge),
        ...(await checkedHooks(changes.hooks ?? hooksBefore, { engine })),
        updated_at: new Date().toISOString(),
      },
      check: changes.check ?? true,
    });
  }

  /** See {@link BackupClient.instanceDelete}. */
  async delete(idOrName: string): Promise<void> {
    const record = await this.#names.find(idOrName);
    const schedules = await this.#schedules.list(record.id);
    if (schedules.length > 0) {
      const names = schedules.map(({ id, name }) => `${name} (${id})`).join(', ');
      throw new BackupctlError('refused', `instance ${record.name} has schedules: ${names}`, {
        hint: 'delete them first with `backupctl schedule-delete`',
      });
    }
    await this.#change({
      action: 'delete',
      record: {
        ...record,
        revision: record.revision + 1,
        deleted: true,
        updated_at: new Date().toISOString(),
      },
      check: false,
    });
  }

  async #change(input: InstanceChangeInput): Promise<Instance> {
    const { runToEnd } = await import('./runs.ts');
    const { record, probe } = await runToEnd<InstanceChangeResult>(this.#surroundings, {
      type: 'instance_change',
      args: [input],
      labels: { kind: 'instance', instance: input.record.id },
    });
    return { ...toInstance(record), ...(probe === null ? {} : { probe }) };
  }

  /** A word before anything is started; that two have one name is held by the repository. */
  async #refuseTaken(name: string): Promise<void> {
    const repository = await this.#surroundings.repository();
    const namesake = (await repository.instances()).find((instance) => instance.name === name);
    if (namesake === undefined) return;
    throw new BackupctlError('conflict', `an instance named ${name} exists: ${namesake.id}`, {
      hint: 'choose another name, or change that one with `backupctl instance-update`',
    });
  }
}

/** The URL goes into the repository and into Temporal's histories, so it is looked at before it leaves this process. */
async function checked(name: string, url: string): Promise<{ engine: string; url: string }> {
  const [{ checkName }, { checkInstanceUrl }] = await Promise.all([
    import('./schedule-options.ts'),
    import('../engines/registry.ts'),
  ]);
  checkName(name);
  if (name.endsWith('@latest')) {
    throw new BackupctlError('usage', 'a name cannot end in @latest', {
      hint: 'that stands for the newest backup',
    });
  }
  return checkInstanceUrl(url);
}

function toInstance(record: InstanceRecord): Instance {
  return {
    id: record.id,
    name: record.name,
    datastore: record.engine,
    url: record.url,
    password: record.password,
    taskQueue: record.task_queue,
    maxAge: fromRecord(record.max_age),
    hooks: record.hooks ?? [],
    createdAt: new Date(record.created_at),
    updatedAt: new Date(record.updated_at),
  };
}
