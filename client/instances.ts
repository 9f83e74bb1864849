import type { InstanceRecord } from '../repository/manifest.ts';
import type { Surroundings } from './surroundings.ts';
import type { Instance } from './types.ts';

/** Instances: what can be backed up. They are kept in the repository. */
export class Instances {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** See {@link BackupClient.instanceList}. */
  async list(): Promise<Instance[]> {
    const repository = await this.#surroundings.repository();
    return (await repository.instances()).map(toInstance);
  }

  /** See {@link BackupClient.instanceShow}. */
  async show(idOrName: string): Promise<Instance> {
    const repository = await this.#surroundings.repository();
    return toInstance(await repository.instance(idOrName));
  }
}

export function toInstance(record: InstanceRecord): Instance {
  return {
    id: record.id,
    name: record.name,
    datastore: record.engine,
    url: record.url,
    password: record.password,
    taskQueue: record.task_queue,
    createdAt: new Date(record.created_at),
    updatedAt: new Date(record.updated_at),
  };
}
