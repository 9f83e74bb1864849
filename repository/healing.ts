import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type BackupPlace, checkManifest, readManifest } from './backups.ts';
import { copyObject } from './copy-object.ts';
import { readIfThere } from './documents.ts';
import { assertOwner } from './epochs.ts';
import { layout } from './layout.ts';
import type { Manifest, ObjectRecord } from './manifest.ts';
import { readMarks, standing } from './marks.ts';
import { isOfStore } from './object-sources.ts';
import type { PartPool } from './part-pool.ts';
import type { Repository } from './repository.ts';
import { sealedBytes } from './segments.ts';
import { giveBack } from './spent.ts';
import { ObjectExistsError, type Store } from './store.ts';

/** A repository by its name. */
export interface NamedRepository {
  name: string;
  repository: Repository;
}

export interface HealRequest extends BackupPlace {
  platformId: string;
  pool: PartPool;
  signal: AbortSignal;
  /** Bytes read, and bytes that the store has confirmed, since the last call. */
  onProgress: (read: number, confirmed: number) => void;
  /** A line for the log. */
  say: (message: string, fields?: Record<string, unknown>) => void;
}

/** An object that was not right. */
export interface HealedObject {
  key: string;
  /** What was wrong with it. */
  problem: string;
  /** The repository whose object it has been copied from; null where it could not be healed. */
  from: string | null;
  /** Why it could not. */
  reason: string | null;
}

export interface HealOutcome {
  /** Objects that were looked at, signature and manifest among them. */
  checked: number;
  objects: HealedObject[];
  /** Whether some object is right in no repository, though every one of them was asked. */
  lost: boolean;
}

/** What everybody should have of a backup, as somebody has it right. */
interface Truth {
  manifest: Manifest;
  sha256: string;
  bytes: Buffer;
  signature: Buffer;
  from: string;
}

/**
 * Makes a backup right in one repository: reads what is there by hash, without unsealing, and what is wrong or missing
 * is removed and copied anew from a repository whose object is right, which is read whole before anything is removed.
 * The manifest comes last, and only where everything that it names is right: it is the commit. Where no repository has
 * an object right, nothing is removed. A call that broke off is made again, and goes on.
 * @throws BackupctlError refused (another platform's repository, a backup that is being deleted), corrupt (no manifest
 *   that can be believed anywhere), conflict (two that are both signed), unavailable …
 */
export async function healBackup(
  target: NamedRepository,
  others: readonly NamedRepository[],
  request: HealRequest,
): Promise<HealOutcome> {
  const { store } = target.repository;
  await assertOwner(store, request.platformId);
  await assertKept([target, ...others], request);
  const truth = await findTruth([target, ...others], request);
  const outcome: HealOutcome = { checked: 0, objects: [], lost: false };
  for (const object of truth.manifest.objects) {
    request.signal.throwIfAborted();
    outcome.checked += 1;
    const problem = await whatIsWrong(store, object, request);
    if (problem === null) continue;
    request.say(`${target.name}: ${object.key} ${problem}`);
    const { from, failures } = await whoHasIt(others, object, request);
    if (from === null) {
      const silent = [...failures.values()].some((failure) => !failure.isDamage);
      outcome.lost ||= !silent;
      const reasons = [...failures].map(([name, { reason }]) => `${name}: ${reason}`).join('; ');
      const reason = `no other repository has it right${reasons === '' ? '' : ` (${reasons})`}; nothing was removed`;
      outcome.objects.push({ key: object.key, problem, from: null, reason });
      continue;
    }
    await replace(target, object.key, request, async (into) => {
      const { pool, signal, onProgress } = request;
      await copyObject(from.repository.store, into, object, { pool, signal, onProgress });
    });
    request.say(`${target.name}: ${object.key} was copied anew from ${from.name}`);
    outcome.objects.push({ key: object.key, problem, from: from.name, reason: null });
  }
  await healManifest(target, truth, request, outcome);
  return outcome;
}

/** Signature, then manifest, each in the bytes that somebody has right. */
async function healManifest(
  target: NamedRepository,
  truth: Truth,
  request: HealRequest,
  outcome: HealOutcome,
): Promise<void> {
  const { store, trusted } = target.repository;
  const { instanceId, backupId } = request;
  const parts: [key: string, bytes: Buffer][] = [
    [layout.signature(instanceId, backupId, truth.sha256), truth.signature],
    [layout.manifest(instanceId, backupId), truth.bytes],
  ];
  const isWhole = outcome.objects.every(({ from }) => from !== null);
  for (const [key, bytes] of parts) {
    outcome.checked += 1;
    const there = await readIfThere(store, key);
    if (there?.equals(bytes)) continue;
    const problem = there === null ? 'is missing' : 'has other bytes';
    const reason = isWhole
      ? await missingParent(store, trusted, truth.manifest)
      : 'an object that it names is not right';
    if (reason !== null) {
      outcome.objects.push({ key, problem, from: null, reason });
      continue;
    }
    await replace(target, key, request, (into) => createOnce(into, key, bytes));
    request.say(`${target.name}: ${key} was written anew from ${truth.from}`);
    outcome.objects.push({ key, problem, from: truth.from, reason: null });
  }
}

async function missingParent(
  store: Store,
  trusted: ReadonlySet<string>,
  { parent_id: backupId, instance }: Manifest,
): Promise<string | null> {
  if (backupId === null) return null;
  const parent = await readManifest(store, trusted, { instanceId: instance.id, backupId });
  return parent === null
    ? `backup ${backupId}, on which it is built, is not there: heal or copy that first`
    : null;
}

/**
 * Removes what is under a key, and writes it anew. In a store that keeps versions the wrong one is superseded: hidden,
 * and removed as far as the store lets us.
 */
async function replace(
  { repository: { store } }: NamedRepository,
  key: string,
  request: HealRequest,
  write: (into: Store) => Promise<void>,
): Promise<void> {
  // Who owns it may have changed in the time that the bytes took.
  await assertOwner(store, request.platformId);
  if ((await store.stat(key)) !== null) await store.delete(key);
  await write(store.superseding());
}

async function createOnce(store: Store, key: string, bytes: Buffer): Promise<void> {
  try {
    await store.create(key, bytes);
  } catch (error) {
    if (!(error instanceof ObjectExistsError) || !(await store.read(key)).equals(bytes)) throw error;
  }
}

/** @returns null where the object is what the manifest says */
async function whatIsWrong(
  store: Store,
  object: ObjectRecord,
  { signal, onProgress }: Pick<HealRequest, 'signal' | 'onProgress'>,
): Promise<string | null> {
  try {
    for await (const chunk of sealedBytes(store, object, signal)) {
      onProgress(chunk.byteLength, 0);
      giveBack(chunk);
    }
    return null;
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'corrupt') throw error;
    return messageOf(error)
      .replace(`${object.key} `, '')
      .replace(/^is not .*: its/, 'is damaged: its');
  }
}

interface SourceFailure {
  reason: string;
  /** It answered, and its object is wrong. */
  isDamage: boolean;
}

/** The nearest repository that has an object right, read to its end. */
async function whoHasIt(
  others: readonly NamedRepository[],
  object: ObjectRecord,
  request: HealRequest,
): Promise<{ from: NamedRepository | null; failures: Map<string, SourceFailure> }> {
  const failures = new Map<string, SourceFailure>();
  for (const other of others) {
    try {
      const reason = await whatIsWrong(other.repository.store, object, request);
      if (reason === null) return { from: other, failures };
      failures.set(other.name, { reason, isDamage: true });
    } catch (error) {
      request.signal.throwIfAborted();
      if (!isOfStore(error)) throw error;
      failures.set(other.name, { reason: messageOf(error), isDamage: false });
    }
  }
  return { from: null, failures };
}

/** A manifest with its signature that can be believed. Of one backup there is one: two are for people to look at. */
async function findTruth(repositories: readonly NamedRepository[], place: BackupPlace): Promise<Truth> {
  const key = layout.manifest(place.instanceId, place.backupId);
  const failures: string[] = [];
  let truth: Truth | null = null;
  for (const { name, repository } of repositories) {
    try {
      const bytes = await readIfThere(repository.store, key);
      if (bytes === null) {
        failures.push(`${name}: it is missing`);
        continue;
      }
      const { manifest, sha256 } = await checkManifest(repository.store, repository.trusted, place, bytes);
      if (truth !== null && truth.sha256 !== sha256) {
        throw new BackupctlError(
          'conflict',
          `${truth.from} and ${name} hold two signed manifests of backup ${place.backupId}: nothing was changed`,
        );
      }
      const signatureKey = layout.signature(place.instanceId, place.backupId, sha256);
      truth ??= { manifest, sha256, bytes, signature: await repository.store.read(signatureKey), from: name };
    } catch (error) {
      if (!isOfStore(error) || (error instanceof BackupctlError && error.code === 'conflict')) throw error;
      failures.push(`${name}: ${messageOf(error)}`);
    }
  }
  if (truth !== null) return truth;
  throw new BackupctlError(
    'corrupt',
    `no repository has a manifest of backup ${place.backupId} that can be believed (${failures.join('; ')}): nothing was removed`,
  );
}

/** @throws BackupctlError refused when a repository that answers deletes the backup */
async function assertKept(
  repositories: readonly NamedRepository[],
  { backupId }: BackupPlace,
): Promise<void> {
  for (const { repository } of repositories) {
    const marks = await readMarks(repository.store, repository.trusted, backupId).catch((error: unknown) => {
      if (!isOfStore(error)) throw error;
      return [];
    });
    const [tombstone] = standing(marks, 'tombstone');
    if (tombstone === undefined) continue;
    throw new BackupctlError('refused', `backup ${backupId} is being deleted (since ${tombstone.at})`);
  }
}
