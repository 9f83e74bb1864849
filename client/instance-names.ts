import type { InstanceRecord } from '../repository/manifest.ts';
import type { Surroundings } from './surroundings.ts';

/** Finds instances by exact id or exact name, and names by id. */
export class InstanceNames {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** @throws BackupctlError not-found, ambiguous naming the candidates; a part of a name never matches */
  async find(idOrName: string): Promise<InstanceRecord> {
    const repository = await this.#surroundings.repository();
    return repository.instance(idOrName);
  }

  /** Reads all names once. An instance that is gone is named by its id. */
  async all(): Promise<(id: string) => string> {
    const repository = await this.#surroundings.repository();
    const names = new Map((await repository.instances()).map(({ id, name }) => [id, name]));
    return (id) => names.get(id) ?? id;
  }
}
