import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type BackupPlace, readManifest } from './backups.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import type { Manifest } from './manifest.ts';
import { tombstonedIds } from './marks.ts';
import type { Store } from './store.ts';

/** Manifests that are read at a time: there may be tens of thousands, each a round trip away. */
const READS = 32;

export interface SurveyedInstance {
  id: string;
  /** As its newest backup names it. */
  name: string;
  /** Whole backups, as far as a list of objects tells. */
  backups: number;
  newest: Manifest;
}

/** What a repository holds, told from its lists and manifests: no data is read. */
export interface Survey {
  /** With a good manifest, every object there in its size, and no tombstone. */
  whole: number;
  /** With a tombstone. */
  deleting: number;
  /** Manifests that cannot be believed: changed, unsigned, of an unknown signer. */
  damaged: (BackupPlace & { problem: string })[];
  /** Backups whose manifest is good, and of which objects are missing or cut. */
  incomplete: (BackupPlace & { name: string; missing: number; first: string })[];
  instances: SurveyedInstance[];
}

/**
 * Compares every manifest with one list of all objects.
 * @param onProgress manifests read so far, and of how many
 * @throws BackupctlError unavailable …: a list or a read that failed is no finding
 */
export async function surveyBackups(
  store: Store,
  trusted: ReadonlySet<string>,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<Survey> {
  const [{ sizes, places }, tombstoned] = await Promise.all([objectsOf(store), tombstonedIds(store)]);
  const survey: Survey = { whole: 0, deleting: 0, damaged: [], incomplete: [], instances: [] };
  const instances = new Map<string, SurveyedInstance>();
  const reads = lookahead(places, READS, (place) => readPlace(store, trusted, place));
  let done = 0;
  for await (const { place, manifest, problem } of reads) {
    done += 1;
    onProgress(done, places.length);
    if (tombstoned.has(place.backupId)) {
      survey.deleting += 1;
    } else if (problem !== undefined) {
      survey.damaged.push({ ...place, problem });
    } else if (manifest !== undefined) {
      const wrong = manifest.objects.filter(({ key, sealed_size }) => sizes.get(key) !== sealed_size);
      if (wrong[0] !== undefined) {
        const { name } = manifest;
        survey.incomplete.push({ ...place, name, missing: wrong.length, first: wrong[0].key });
        continue;
      }
      survey.whole += 1;
      const { id, name } = manifest.instance;
      // Newest first: the first of an instance is its newest.
      const known = instances.get(id) ?? { id, name, backups: 0, newest: manifest };
      known.backups += 1;
      instances.set(id, known);
    }
  }
  survey.instances = [...instances.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return survey;
}

/** Every object below `backups/` by its size, and the places that have a manifest, newest first. */
async function objectsOf(store: Store): Promise<{ sizes: Map<string, number>; places: BackupPlace[] }> {
  const sizes = new Map<string, number>();
  const places: BackupPlace[] = [];
  for await (const { key, size } of store.list(layout.backups)) {
    const [, instanceId, backupId] = /^backups\/([^/]+)\/([^/]+)\/manifest\.json$/.exec(key) ?? [];
    if (instanceId !== undefined && backupId !== undefined) places.push({ instanceId, backupId });
    else sizes.set(key, size);
  }
  places.sort((a, b) => (a.backupId < b.backupId ? 1 : -1));
  return { sizes, places };
}

async function readPlace(
  store: Store,
  trusted: ReadonlySet<string>,
  place: BackupPlace,
): Promise<{ place: BackupPlace; manifest?: Manifest; problem?: string }> {
  try {
    const found = await readManifest(store, trusted, place);
    // One that went since the list was read is none.
    return found === null ? { place } : { place, manifest: found.manifest };
  } catch (error) {
    if (!(error instanceof BackupctlError) || (error.code !== 'corrupt' && error.code !== 'unsupported')) {
      throw error;
    }
    return { place, problem: messageOf(error) };
  }
}
