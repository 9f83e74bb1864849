import type { Config } from '../config/load.ts';
import type { InstanceRecord } from '../repository/manifest.ts';

/** What schedules and executions need to know of an instance. */
export type NamedInstance = Pick<InstanceRecord, 'id' | 'name' | 'engine'>;

/**
 * The names of the instances, read from a repository in a directory without loading all that a repository can do: a
 * command that lists schedules would spend more time on that than on its work. Null where it takes the whole (S3, no
 * repository, an entry that cannot be read), which then says what is wrong.
 */
export async function readNames(config: Config): Promise<NamedInstance[] | null> {
  if (config.store.type !== 'filesystem') return null;
  const { openStore } = await import('../repository/stores/open.ts');
  try {
    const store = await openStore(config.store);
    const newest = new Map<string, { revision: number; key: string }>();
    for await (const { key } of store.list('instances/')) {
      const match = /^instances\/([^/]+)\/([1-9][0-9]*)\.json$/.exec(key);
      if (match?.[1] === undefined) continue;
      const revision = Number(match[2]);
      if (revision > (newest.get(match[1])?.revision ?? 0)) newest.set(match[1], { revision, key });
    }
    if (newest.size === 0) return null;
    const records = await Promise.all(
      [...newest.values()].map(
        async ({ key }) => JSON.parse(String(await store.read(key))) as InstanceRecord,
      ),
    );
    if (!records.every(isRecord)) return null;
    return records.filter(({ deleted }) => !deleted);
  } catch {
    return null;
  }
}

function isRecord({ id, name, engine, deleted }: InstanceRecord): boolean {
  return (
    typeof id === 'string' &&
    typeof name === 'string' &&
    typeof engine === 'string' &&
    typeof deleted === 'boolean'
  );
}
