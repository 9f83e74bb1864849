import { BackupctlError } from '../errors/backupctl-error.ts';
import { type BackupPlace, readBackups } from './backups.ts';
import { parseJson, readIfThere } from './documents.ts';
import type { MarkWriter } from './pins.ts';
import type { Store } from './store.ts';

/**
 * Which backups of an instance are built on which, read once for a sweep of thousands: nobody builds on a backup under
 * a tombstone, since a parent is pinned first. One whose manifest cannot be trusted counts by what it says: to keep a
 * parent too long does less harm.
 */
export class Children {
  readonly #writer: Pick<MarkWriter, 'store' | 'trusted'>;
  readonly #parents = new Map<string, Promise<Map<string, unknown>>>();

  constructor(writer: Pick<MarkWriter, 'store' | 'trusted'>) {
    this.#writer = writer;
  }

  /** Why a backup is needed, or null. */
  async of(place: BackupPlace, leftOut: ReadonlySet<string> = new Set()): Promise<string | null> {
    const parents = this.#parents.get(place.instanceId) ?? this.#read(place.instanceId);
    this.#parents.set(place.instanceId, parents);
    for (const [child, parent] of await parents) {
      if (parent === place.backupId && !leftOut.has(child)) return `backup ${child} is built on it`;
    }
    return null;
  }

  removed({ instanceId, backupId }: BackupPlace): void {
    void this.#parents.get(instanceId)?.then((parents) => parents.delete(backupId));
  }

  async #read(instanceId: string): Promise<Map<string, unknown>> {
    const { store, trusted } = this.#writer;
    const parents = new Map<string, unknown>();
    for await (const entry of readBackups(store, trusted, instanceId)) {
      if (entry.manifest !== undefined) {
        if (entry.manifest.parent_id !== null) parents.set(entry.manifest.id, entry.manifest.parent_id);
      } else {
        parents.set(entry.damaged.backupId, await claimedParent(store, entry.damaged.key));
      }
    }
    return parents;
  }
}

async function claimedParent(store: Store, key: string): Promise<unknown> {
  try {
    const document = parseJson(key, (await readIfThere(store, key)) ?? Buffer.from('null'));
    return typeof document === 'object' && document !== null && 'parent_id' in document
      ? document.parent_id
      : null;
  } catch (error) {
    if (error instanceof BackupctlError && error.code === 'corrupt') return null;
    throw error;
  }
}
