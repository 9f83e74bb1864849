import { z } from 'zod';
import { parsePattern } from '../cron/pattern.ts';
import { offsetAt } from '../cron/wall-clock.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { listAll, listAllFolders, parseJson, readDocument } from '../repository/documents.ts';
import { layout } from '../repository/layout.ts';
import { lookahead } from '../repository/lookahead.ts';
import { type InstanceRecord, instanceSchema } from '../repository/manifest.ts';
import { markedIds } from '../repository/marks.ts';
import type { BackupPlace, Repository } from '../repository/repository.ts';
import type { GoodBackup, WatchedSchedule } from './deadline.ts';

/** What of a schedule's copy matters here; its writer is `activities/schedule-export.ts`. */
const scheduleCopy = z.object({
  id: z.string(),
  deleted: z.boolean(),
  pattern: z.string(),
  timezone: z.string(),
  jitter: z.number(),
  paused: z.boolean(),
  input: z.object({ instance: z.string(), name: z.string() }),
  policy: z.object({ active_since: z.string().nullable(), max_age: z.number().nullable().optional() }),
});

/** The newest good backup of an instance, as it was found last. */
export interface Found {
  good: GoodBackup | null;
  /** Newer ones that do not count: damaged, being deleted, or not in enough repositories yet. */
  passedOver: number;
}

const atOnce = 8;

/**
 * What a repository tells of instances, their schedules and their newest good backups, without Temporal. What was read
 * once is not read again: revisions and manifests never change. A refresh costs two lists where nothing is new.
 */
export class Survey {
  readonly #repository: Repository;
  readonly #isComplete: (place: BackupPlace) => Promise<boolean>;
  #instances = new Map<string, { key: string; record: InstanceRecord }>();
  #schedules = new Map<string, { key: string; schedule: WatchedSchedule | null }>();
  #byInstance = new Map<string, WatchedSchedule[]>();
  #unfit: ReadonlySet<string> = new Set();
  readonly #found = new Map<string, Found>();

  /** @param isComplete whether a backup whose manifest is here is in as many repositories as it has to be */
  constructor(
    repository: Repository,
    isComplete: (place: BackupPlace) => Promise<boolean> = async () => true,
  ) {
    this.#repository = repository;
    this.#isComplete = isComplete;
  }

  /** Instances that were not deleted. */
  get instances(): InstanceRecord[] {
    return [...this.#instances.values()].flatMap(({ record }) => (record.deleted ? [] : [record]));
  }

  has(instanceId: string): boolean {
    return this.#instances.get(instanceId)?.record.deleted === false;
  }

  schedulesOf(instanceId: string): readonly WatchedSchedule[] {
    return this.#byInstance.get(instanceId) ?? [];
  }

  /** Undefined where {@link look} was never called for it. */
  found(instanceId: string): Found | undefined {
    return this.#found.get(instanceId);
  }

  /** Reads what is new of instances and schedules. @throws BackupctlError what the store says; nothing has changed then */
  async refresh(): Promise<void> {
    const { store } = this.#repository;
    const instances = new Map<string, { key: string; record: InstanceRecord }>();
    const schedules = new Map<string, { key: string; schedule: WatchedSchedule | null }>();
    // An empty store and a missing one are told apart by this: it is there in every repository.
    await store.read(layout.repository);
    const [ofInstances, ofSchedules] = [
      await newestOf(this.#repository, layout.instances),
      await newestOf(this.#repository, layout.schedules),
    ];
    for await (const entry of lookahead(ofInstances, atOnce, async ({ id, key }) => {
      const known = this.#instances.get(id);
      const record = known?.key === key ? known.record : await readDocument(store, instanceSchema, key);
      return { id, key, record };
    }))
      instances.set(entry.id, entry);
    for await (const entry of lookahead(ofSchedules, atOnce, async ({ id, key, modified }) => {
      const known = this.#schedules.get(id);
      const schedule = known?.key === key ? known.schedule : watched(key, await store.read(key), modified);
      return { id, key, schedule };
    }))
      schedules.set(entry.id, entry);
    this.#instances = instances;
    this.#schedules = schedules;
    this.#byInstance = Map.groupBy(
      [...schedules.values()].flatMap(({ schedule }) => schedule ?? []),
      ({ instanceId }) => instanceId,
    );
    for (const id of this.#found.keys()) if (!instances.has(id)) this.#found.delete(id);
  }

  /** Looks which backups are on their way out or were found broken: one list. A newest one among them is looked for anew. */
  async refreshMarks(): Promise<void> {
    const { tombstoned, broken } = await markedIds(this.#repository.store);
    this.#unfit = new Set([...tombstoned, ...broken]);
    for (const [instanceId, { good }] of this.#found) {
      if (good !== null && this.#unfit.has(good.id)) this.#found.delete(instanceId);
    }
  }

  /**
   * Looks for the newest good backup of an instance: one list, and the manifests that are newer than what is known.
   * @throws BackupctlError what the store says
   */
  async look(instanceId: string): Promise<Found> {
    const known = this.#found.get(instanceId)?.good ?? null;
    const ids = await listAllFolders(this.#repository.store, layout.backupsOf(instanceId));
    let passedOver = 0;
    for (const backupId of ids.sort().reverse()) {
      if (backupId === known?.id) return this.#keep(instanceId, { good: known, passedOver });
      const good = await this.#goodBackup({ instanceId, backupId });
      if (good === null) continue;
      if (good !== 'unfit') return this.#keep(instanceId, { good, passedOver });
      passedOver += 1;
    }
    return this.#keep(instanceId, { good: null, passedOver });
  }

  #keep(instanceId: string, found: Found): Found {
    this.#found.set(instanceId, found);
    return found;
  }

  /** Null for what is no backup yet. */
  async #goodBackup(place: BackupPlace): Promise<GoodBackup | 'unfit' | null> {
    try {
      const { manifest } = await this.#repository.backup(place.backupId, place.instanceId);
      if (this.#unfit.has(manifest.id) || !(await this.#isComplete(place))) return 'unfit';
      return {
        id: manifest.id,
        startedAt: Date.parse(manifest.started_at),
        finishedAt: Date.parse(manifest.finished_at),
      };
    } catch (error) {
      if (!(error instanceof BackupctlError)) throw error;
      if (error.code === 'not-found') return null;
      if (error.code === 'corrupt' || error.code === 'unsupported') return 'unfit';
      throw error;
    }
  }
}

interface Newest {
  id: string;
  revision: number;
  key: string;
  modified: Date;
}

/** The newest revision of each thing below a prefix, and when it was written. */
async function newestOf(repository: Repository, prefix: string): Promise<Newest[]> {
  const newest = new Map<string, Newest>();
  for (const { key, modified } of await listAll(repository.store, prefix)) {
    const [, id, number] = /^([^/]+)\/([1-9][0-9]*)\.json$/.exec(key.slice(prefix.length)) ?? [];
    if (id === undefined) continue;
    const revision = Number(number);
    if (revision > (newest.get(id)?.revision ?? 0)) newest.set(id, { id, revision, key, modified });
  }
  return [...newest.values()];
}

/** Null for a copy that cannot be understood: it is no reason not to watch the others. */
function watched(key: string, bytes: Buffer, modified: Date): WatchedSchedule | null {
  const parsed = scheduleCopy.safeParse(parseJson(key, bytes));
  if (!parsed.success) return null;
  try {
    // A copy is not signed: whatever is in it, it may not keep the others from being watched.
    parsePattern(parsed.data.pattern);
    offsetAt(parsed.data.timezone, 0);
  } catch {
    return null;
  }
  const { input, policy, jitter, ...rest } = parsed.data;
  const { active_since: since, max_age: maxAge } = policy;
  // The command line's clock wrote the one, the store's clock the other, which is later by a minute at most.
  const activeSince = Math.min(since === null ? 0 : Date.parse(since), modified.getTime());
  return {
    ...rest,
    name: input.name,
    instanceId: input.instance,
    jitter: jitter * 1000,
    maxAge: typeof maxAge === 'number' ? maxAge * 1000 : maxAge,
    activeSince,
    changedAt: modified.getTime(),
  };
}
