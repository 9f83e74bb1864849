import type { InstanceRecord } from '../repository/manifest.ts';
import { type NamedInstance, readNames } from './instance-reader.ts';
import type { Surroundings } from './surroundings.ts';

/** Finds instances by exact id or exact name, and names by id. */
export class InstanceNames {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** @throws BackupctlError not-found, ambiguous naming the candidates; a part of a name never matches */
  async find(idOrName: string): Promise<InstanceRecord> {
    const { repository } = await this.#surroundings.reading();
    return repository.instance(idOrName);
  }

  /** The same where id, name and engine are enough, which is quicker. @throws like {@link find} */
  async named(idOrName: string): Promise<NamedInstance> {
    const names = await readNames(await this.#surroundings.config());
    const byId = names?.find(({ id }) => id === idOrName.toLowerCase());
    if (byId !== undefined) return byId;
    const [only, ...others] = names?.filter(({ name }) => name === idOrName) ?? [];
    if (only !== undefined && others.length === 0) return only;
    return this.find(idOrName);
  }

  /** Reads all names once. An instance that is gone is named by its id. */
  async all(): Promise<(id: string) => string> {
    const instances =
      (await readNames(await this.#surroundings.config())) ??
      (await (await this.#surroundings.reading()).repository.instances());
    const names = new Map(instances.map(({ id, name }) => [id, name]));
    return (id) => names.get(id) ?? id;
  }
}
