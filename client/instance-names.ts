import type { InstanceRecord } from '../repository/manifest.ts';
import type { Surroundings } from './surroundings.ts';

/** Finds instances by exact id or exact name, and names by id. Reads the repository once. */
export class InstanceNames {
  readonly #surroundings: Surroundings;
  #all: Promise<InstanceRecord[]> | undefined;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** @throws BackupctlError not-found, ambiguous naming the candidates; a part of a name never matches */
  async find(idOrName: string): Promise<InstanceRecord> {
    const repository = await this.#surroundings.repository();
    return repository.instance(idOrName);
  }

  /** The name of an instance; of one that is gone, its id. */
  async nameOf(id: string): Promise<string> {
    this.#all ??= this.#surroundings.repository().then((repository) => repository.instances());
    const all = await this.#all;
    return all.find((instance) => instance.id === id)?.name ?? id;
  }
}
