import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type AttemptOptions, beginAttempt, indexReaders } from './attempt.ts';
import {
  type BackupEntry,
  type BackupPlace,
  backupPlaces,
  readBackups,
  readManifest,
  type SignedManifest,
} from './backups.ts';
import { commit, type ManifestDraft } from './commit.ts';
import type {
  Attempt,
  CommitOutcome,
  CompressedSource,
  Keys,
  UploadProgress,
  VerifyFinding,
} from './contract.ts';
import {
  deleteTombstoned,
  type SweepOutcome,
  type SweepRequest,
  type TombstoneRequest,
  tombstone,
} from './deletion.ts';
import { assertNotCommitted, type DiscardOutcome, type DiscardRequest, discardAttempts } from './discard.ts';
import { decode, encode, parseJson, readIfThere } from './documents.ts';
import { assertOwner, claimEpoch, type EpochClaim, newestEpoch } from './epochs.ts';
import { ExecutionLog, finishLog, type LogLines, readLog } from './execution-log.ts';
import { type ExportOptions, exportBackup } from './export.ts';
import { readDraftObject, readIndexObject } from './index-documents.ts';
import { checkKeys, type KeyCheck } from './key-check.ts';
import { layout } from './layout.ts';
import { leftovers, removeDraft, unfinishedDocuments, unfinishedLogs } from './leftovers.ts';
import type {
  Epoch,
  InstanceRecord,
  Manifest,
  Mark,
  ObjectRecord,
  RepositoryDocument,
  SecretReference,
} from './manifest.ts';
import { FORMAT, repositorySchema } from './manifest.ts';
import { addMark, type NewMark, readMarks, standing, tombstonedIds } from './marks.ts';
import { ObjectSources } from './object-sources.ts';
import { type MarkWriter, type PinRequest, pin, unpin } from './pins.ts';
import { probeCreateIfAbsent } from './probe.ts';
import { parseReference, pickNamed } from './reference.ts';
import {
  type DamagedInstance,
  instance,
  instances,
  latestRevisions,
  putInstance,
  putRevision,
  type Revision,
} from './registry.ts';
import { type RetainOutcome, type RetainRequest, retain } from './retain.ts';
import { parseIdentities } from './sealing/header.ts';
import { segmentsOf } from './segments.ts';
import { type Settlement, settle } from './settlement.ts';
import { SigningKey } from './signing.ts';
import { ObjectExistsError, type Store, type UnfinishedWrite } from './store.ts';
import { type UndeleteRequest, undelete } from './undelete.ts';
import { openSegments } from './unsealing.ts';
import { putValue, readValue, removeValues, type ValueReference } from './values.ts';
import { type VerifyOptions, verifyBackup } from './verify.ts';

/** Where else a backup may be found whole; null where nowhere. */
export type Elsewhere = (
  place: { instanceId: string | null; backupId: string },
  problem: string,
) => Promise<SignedManifest | null>;

/** Whether a failure to read a backup leaves open that it is whole in another repository. */
function mayBeElsewhere(error: unknown): boolean {
  return error instanceof BackupctlError && (error.code === 'not-found' || error.code === 'corrupt');
}

/**
 * A repository of format 1, as docs/repository-format.md describes it. Reads need no more than `trusted` and an
 * identity; writes need the signing key, and the format to be ours.
 *
 * Nothing here asks for the time of day: times come from the caller (a workflow's clock), so that a step which is
 * tried again writes the same bytes.
 */
export class Repository {
  readonly store: Store;
  readonly keys: Keys;
  readonly document: RepositoryDocument;
  /** Names of the public keys whose signatures count: those of the configuration, and our own. */
  readonly trusted: ReadonlySet<string>;
  readonly #signingKey: SigningKey | null;

  private constructor(store: Store, keys: Keys, document: RepositoryDocument) {
    this.store = store;
    this.keys = keys;
    this.document = document;
    this.#signingKey = keys.signingKey === null ? null : new SigningKey(keys.signingKey);
    this.trusted = new Set([
      ...keys.trusted,
      ...(this.#signingKey === null ? [] : [this.#signingKey.publicName]),
    ]);
  }

  /**
   * Makes a repository where there is none: the store must hold "create if absent" (it is probed), then
   * `backupctl.json` is written. Idempotent: what is there already is returned as it is.
   * @throws BackupctlError unsupported for a store that overwrites
   */
  static async init(store: Store, keys: Keys, { now }: { now: Date }): Promise<RepositoryDocument> {
    const there = await readIfThere(store, layout.repository);
    if (there !== null) return parseRepository(there);
    await probeCreateIfAbsent(store);
    const document: RepositoryDocument = {
      format: FORMAT,
      id: randomUUID(),
      created_at: now.toISOString(),
      recipients: keys.recipients,
      index_recipients: keys.indexRecipients,
    };
    try {
      await store.create(layout.repository, encode(repositorySchema, document));
    } catch (error) {
      if (!(error instanceof ObjectExistsError)) throw error;
    }
    return parseRepository(await store.read(layout.repository));
  }

  /**
   * Opens a repository, of a newer format for reading only.
   * @throws BackupctlError not-found where there is none, corrupt
   */
  static async open(store: Store, keys: Keys): Promise<Repository> {
    const bytes = await readIfThere(store, layout.repository);
    if (bytes === null) {
      throw new BackupctlError('not-found', `there is no repository at ${store.location}`, {
        hint: 'is its disk mounted, its place right? A new one is made by `backupctl repository-init`',
      });
    }
    return new Repository(store, keys, parseRepository(bytes));
  }

  // --- owner ---

  /** Who owns it, or null where nobody ever did. */
  newestEpoch(): Promise<Epoch | null> {
    return newestEpoch(this.store);
  }

  /** Takes the next epoch (the first is 1). @throws BackupctlError conflict */
  claimEpoch(claim: EpochClaim): Promise<Epoch> {
    this.#assertWritable();
    return claimEpoch(this.store, claim);
  }

  /** @throws BackupctlError refused, not retryable, naming the owner, when it is not this platform */
  assertOwner(platformId: string): Promise<Epoch> {
    return assertOwner(this.store, platformId);
  }

  // --- registry and exported copies ---

  /**
   * Instances that were not deleted, sorted by name.
   * @param onDamaged told of what cannot be read, and is left out then; without it, it is thrown
   */
  instances(onDamaged?: (damaged: DamagedInstance) => void): Promise<InstanceRecord[]> {
    return instances(this.store, onDamaged);
  }

  /** By exact id or exact name. @throws BackupctlError not-found, ambiguous */
  instance(idOrName: string): Promise<InstanceRecord> {
    return instance(this.store, idOrName);
  }

  /** Adds a revision (deletion is one). @throws BackupctlError conflict: the name or the revision is taken */
  putInstance(record: InstanceRecord): Promise<void> {
    this.#assertWritable();
    return putInstance(this.store, record);
  }

  /** The newest revision of each exported schedule or workbook, sorted by id; `read` gives its bytes. */
  latestRevisions(kind: 'instances' | 'schedules' | 'workbooks'): Promise<Revision[]> {
    return latestRevisions(this.store, layout[kind]);
  }

  /** Bytes of a revision. */
  readRevision(revision: Revision): Promise<Buffer> {
    return this.store.read(revision.key);
  }

  /** Exports a copy. @throws BackupctlError conflict when that revision exists with other content */
  putRevision(
    kind: 'schedules' | 'workbooks',
    id: string,
    revision: number,
    bytes: Uint8Array,
  ): Promise<void> {
    this.#assertWritable();
    const key = kind === 'schedules' ? layout.schedule(id, revision) : layout.workbook(id, revision);
    return putRevision(this.store, key, bytes);
  }

  // --- values of workflows ---

  /** Keeps what is too large for a history of Temporal. */
  putValue(bytes: Uint8Array, now: Date): Promise<ValueReference> {
    this.#assertWritable();
    return putValue(this.store, indexReaders(this.keys), bytes, now);
  }

  /** @throws BackupctlError corrupt, credentials; ObjectMissingError */
  readValue(reference: ValueReference): Promise<Buffer> {
    return readValue(this.store, this.#indexIdentities(), reference);
  }

  /** Removes values of months before that of an instant. @returns how many */
  removeValues(before: Date): Promise<number> {
    this.#assertWritable();
    return removeValues(this.store, before);
  }

  // --- writing a backup ---

  /** Opens an attempt below its own prefix. */
  beginAttempt(
    options: Omit<AttemptOptions, 'attemptId' | 'assertDiscardable'> & { attemptId?: string },
  ): Attempt {
    this.#assertWritable();
    const attemptId = options.attemptId ?? randomUUID();
    const assertDiscardable = () => assertNotCommitted(this, options, attemptId);
    return beginAttempt(this.store, this.keys, { ...options, attemptId, assertDiscardable });
  }

  /**
   * The draft that an attempt wrote with `writeIndex('draft', …)`.
   * @param sealedSha256 the `sealed_sha256` of the record that `writeIndex` returned
   * @throws BackupctlError not-found, corrupt, credentials
   */
  readDraft(instanceId: string, backupId: string, attemptId: string, sealedSha256: string): Promise<unknown> {
    const key = `${layout.attempt(instanceId, backupId, attemptId)}draft.json.zst.age`;
    return readDraftObject(this.store, key, sealedSha256, this.#indexIdentities());
  }

  /**
   * Makes the backup exist. The owner is checked first, then the signature is written, then the manifest.
   * `recognised`: an earlier call did it and its answer was lost. `lost`: another attempt won, and its manifest is
   * returned; discard your own attempt then.
   * @throws BackupctlError refused (epoch lost), failed (an object is gone)
   */
  commit(draft: ManifestDraft, platformId: string): Promise<CommitOutcome> {
    const signingKey = this.#assertWritable();
    const { store, trusted } = this;
    return commit({ store, repositoryId: this.document.id, signingKey, trusted }, draft, platformId);
  }

  // --- reading backups ---

  /**
   * Backups, newest first, with signature and schema checked; `damaged` entries name what is wrong with one.
   * Includes those with a tombstone, see {@link tombstonedIds}.
   */
  backups(options: { instanceId?: string } = {}): AsyncIterable<BackupEntry> {
    return readBackups(this.store, this.trusted, options.instanceId);
  }

  /** @throws BackupctlError not-found, corrupt, unsupported */
  async backup(backupId: string, instanceId?: string): Promise<SignedManifest> {
    const place =
      instanceId === undefined
        ? (await backupPlaces(this.store)).find((candidate) => candidate.backupId === backupId)
        : { instanceId, backupId };
    const found = place === undefined ? null : await readManifest(this.store, this.trusted, place);
    if (found === null) {
      throw new BackupctlError('not-found', `there is no backup ${backupId}`, {
        hint: '`backupctl backup-list` shows those that exist',
      });
    }
    return found;
  }

  /**
   * By id, name, or `INSTANCE@latest`. For reads a name means the newest backup that has it and no tombstone; with
   * `forDelete` a name that several have is refused.
   * @param options.elsewhere asked for a backup that is named by its id or as the latest, and is damaged or missing here
   * @throws BackupctlError not-found, ambiguous, usage; corrupt also when what `@latest` would be is damaged
   */
  async findBackup(
    text: string,
    options: { forDelete?: boolean; elsewhere?: Elsewhere } = {},
  ): Promise<SignedManifest> {
    const reference = parseReference(text);
    if (reference.by === 'id') return this.#orElsewhere(reference.id, options.elsewhere);
    const tombstoned = await this.tombstonedIds();
    if (reference.by === 'latest') return this.#latest(reference.instance, tombstoned, options.elsewhere);
    const named: SignedManifest[] = [];
    for await (const entry of this.backups()) {
      if (entry.damaged !== undefined || entry.manifest.name !== reference.name) continue;
      if (await this.#isBeingDeleted(entry.manifest.id, tombstoned)) continue;
      named.push(entry);
      if (options.forDelete !== true) break;
    }
    return pickNamed(reference.name, named, options.forDelete ?? false);
  }

  /**
   * The bytes of a stream: all segments, unsealed, still compressed. A clean end means that every hash matched.
   * @param options.sources where they may be read from, nearest first; default: here alone
   */
  async openStream(
    manifest: Manifest,
    stream: string,
    options: { signal: AbortSignal; sources?: ObjectSources },
  ): Promise<Readable> {
    const segments = segmentsOf(manifest, stream);
    const sources = options.sources ?? ObjectSources.only(this.store);
    return openSegments(sources, segments, this.#identitiesFor(segments), options.signal);
  }

  /** An index document of a backup (`index`), opened with the index identity or the identity. */
  async readIndex(
    manifest: Manifest,
    name: string,
    options: { signal?: AbortSignal; sources?: ObjectSources } = {},
  ): Promise<unknown> {
    const [object] = segmentsOf(manifest, `${name}.json.zst`);
    if (object === undefined) throw new Error('segmentsOf returned nothing');
    const signal = options.signal ?? new AbortController().signal;
    const sources = options.sources ?? ObjectSources.only(this.store);
    return readIndexObject(sources, object, this.#indexIdentities(), signal);
  }

  // --- marks ---

  /** Marks of a backup, oldest first, signatures checked. @throws BackupctlError corrupt */
  marks(backupId: string): Promise<Mark[]> {
    return readMarks(this.store, this.trusted, backupId);
  }

  /** Adds a signed mark. */
  addMark(mark: NewMark): Promise<Mark> {
    return addMark(this.store, this.#assertWritable(), mark);
  }

  /** Ids of backups that are being deleted, by one list and no reads: for showing. */
  tombstonedIds(): Promise<Set<string>> {
    return tombstonedIds(this.store);
  }

  /**
   * Holds a backup for a restore or copy: the pin, then the look for a tombstone.
   * @throws BackupctlError refused when it is being deleted
   */
  pin(request: PinRequest): Promise<Mark> {
    return pin(this.#markWriter(), request);
  }

  /** Ends every pin of a holder. Idempotent. */
  unpin(request: PinRequest): Promise<void> {
    return unpin(this.#markWriter(), request);
  }

  /**
   * Begins a deletion: the tombstone, then the look for pins. Idempotent.
   * @throws BackupctlError refused: needed by another backup, held, pinned, or another platform's repository
   */
  tombstone(request: TombstoneRequest): Promise<Mark> {
    return tombstone(this.#markWriter(), request);
  }

  /** Takes a deletion back, until the removal of the bytes begins; see `undelete.ts`. */
  undelete(request: UndeleteRequest): Promise<void> {
    return undelete(this.#markWriter(), request);
  }

  /** Decides in this repository that the bytes of a backup go, here or in a copy; see `settlement.ts`. */
  async settleRemoval(
    tombstone: Mark,
    request: { by: string; at: Date; platformId: string },
  ): Promise<Settlement> {
    const { epoch } = await this.assertOwner(request.platformId);
    return settle(this.#markWriter(), tombstone, 'removed', { ...request, epoch });
  }

  /** Begins the deletion of what a schedule's rules no longer want; see `retain.ts`. */
  retain(request: RetainRequest): Promise<RetainOutcome> {
    return retain(this.#markWriter(), request);
  }

  /** Removes backups whose tombstone is older than the grace period; see `deletion.ts`. */
  deleteTombstoned(request: SweepRequest): Promise<SweepOutcome> {
    return deleteTombstoned(this.#markWriter(), request);
  }

  /** Removes what other attempts at a backup left; `except: null` gives the backup up. See `discard.ts`. */
  discardAttempts(request: DiscardRequest): Promise<DiscardOutcome> {
    return discardAttempts(this.#markWriter(), request);
  }

  // --- looking after ---

  /** Backups with objects or uploads that no manifest names, none of them younger than `before`. */
  leftovers(options: { before: Date }): Promise<BackupPlace[]> {
    return leftovers(this.store, options);
  }

  /** Writes of anything but backups that were begun before an instant, and never ended. */
  unfinishedDocuments(options: { before: Date }): Promise<UnfinishedWrite[]> {
    return unfinishedDocuments(this.store, options);
  }

  /** Executions whose log is in pieces, none of them younger than `before`. */
  unfinishedLogs(options: { before: Date }): Promise<string[]> {
    return unfinishedLogs(this.store, options);
  }

  /** Removes the draft of the attempt that was committed. Idempotent. */
  removeDraft(place: BackupPlace, attemptId: string): Promise<void> {
    return removeDraft(this.store, place, attemptId);
  }

  /** What is wrong with a backup; nothing when all is well. See `verify.ts`. */
  verify(backup: Manifest | BackupPlace, options: VerifyOptions): AsyncIterable<VerifyFinding> {
    const identities = this.#identitiesAtHand();
    if (options.data && identities.data.length === 0) {
      throw new BackupctlError('credentials', 'no identity that opens data is at hand', {
        hint: 'set encryption.identity to the file that holds it, or verify without --data',
      });
    }
    return verifyBackup({ store: this.store, trusted: this.trusted, identities }, placeOf(backup), options);
  }

  /** Writes a backup into a directory, sealed or unsealed. @returns paths. @throws BackupctlError conflict, corrupt */
  exportBackup(
    manifest: Manifest,
    directory: string,
    options: ExportOptions & { sources?: ObjectSources },
  ): Promise<string[]> {
    const identities = this.#identitiesAtHand();
    if (options.unsealed) this.#identitiesFor(manifest.objects);
    const sources = options.sources ?? ObjectSources.only(this.store);
    return exportBackup({ sources, identities }, manifest, directory, options);
  }

  /** Tries the configured keys on the newest backups. */
  checkKeys(): Promise<KeyCheck> {
    return checkKeys(this.store, this.keys, this.trusted, this.document);
  }

  // --- logs of executions ---

  /** A writer for lines of an execution's log; `flush` makes them durable. */
  log(executionId: string): ExecutionLog {
    return new ExecutionLog(this.store, executionId);
  }

  /** Merges an execution's pieces into one log. Idempotent; at the end of an execution. */
  finishLog(executionId: string): Promise<void> {
    return finishLog(this.store, executionId);
  }

  /** When an execution's log was made one, by the store's clock: it is over then. Null where it was not, or never was. */
  async logClosedAt(executionId: string): Promise<Date | null> {
    return (await this.store.stat(layout.log(executionId)))?.modified ?? null;
  }

  /** Lines from an offset (in lines). */
  readLog(executionId: string, options: { offset?: number } = {}): Promise<LogLines> {
    return readLog(this.store, executionId, options);
  }

  #markWriter(): MarkWriter {
    return { store: this.store, trusted: this.trusted, signingKey: this.#assertWritable() };
  }

  #identitiesAtHand(): { data: string[]; index: string[] } {
    const data = this.keys.identity === null ? [] : parseIdentities(this.keys.identity);
    const index = this.keys.indexIdentity === null ? [] : parseIdentities(this.keys.indexIdentity);
    return { data, index: [...index, ...data] };
  }

  async #orElsewhere(backupId: string, elsewhere: Elsewhere | undefined): Promise<SignedManifest> {
    try {
      return await this.backup(backupId);
    } catch (error) {
      if (elsewhere === undefined || !mayBeElsewhere(error)) throw error;
      const found = await elsewhere({ instanceId: null, backupId }, messageOf(error));
      if (found === null) throw error;
      return found;
    }
  }

  async #latest(
    instanceName: string,
    tombstoned: ReadonlySet<string>,
    elsewhere: Elsewhere | undefined,
  ): Promise<SignedManifest> {
    const instanceId = await this.#instanceIdOf(instanceName);
    for await (const entry of this.backups(instanceId === null ? {} : { instanceId })) {
      if (entry.damaged !== undefined) {
        const { backupId } = entry.damaged;
        if (instanceId === null || (await this.#isBeingDeleted(backupId, tombstoned))) continue;
        const whole = await elsewhere?.({ instanceId, backupId }, entry.damaged.problem);
        if (whole) return whole;
        throw new BackupctlError(
          'corrupt',
          `the latest backup of ${instanceName}: ${entry.damaged.problem}`,
          {
            hint: 'name an older backup by its id, if that will do',
          },
        );
      }
      if (instanceId === null && entry.manifest.instance.name !== instanceName) continue;
      if (await this.#isBeingDeleted(entry.manifest.id, tombstoned)) continue;
      return entry;
    }
    throw new BackupctlError('not-found', `there is no backup of ${instanceName}`, {
      hint: '`backupctl instance-list` and `backupctl backup-list` show what exists',
    });
  }

  /**
   * Whether a backup has a tombstone that was signed: a forged one, which would make an older backup the newest, is
   * an error.
   */
  async #isBeingDeleted(backupId: string, tombstoned: ReadonlySet<string>): Promise<boolean> {
    return tombstoned.has(backupId) && standing(await this.marks(backupId), 'tombstone').length > 0;
  }

  /** Null for an instance that is no longer registered: its backups still carry its name. */
  async #instanceIdOf(name: string): Promise<string | null> {
    try {
      return (await this.instance(name)).id;
    } catch (error) {
      if (error instanceof BackupctlError && error.code === 'not-found') return null;
      throw error;
    }
  }

  #identitiesFor(objects: readonly ObjectRecord[]): string[] {
    if (objects.every(({ role }) => role === 'index')) return this.#indexIdentities();
    const { data } = this.#identitiesAtHand();
    if (data.length === 0) {
      throw new BackupctlError('credentials', 'no identity that opens data is at hand', {
        hint: 'set encryption.identity to the file that holds it',
      });
    }
    return data;
  }

  #indexIdentities(): string[] {
    const { index } = this.#identitiesAtHand();
    if (index.length === 0) {
      throw new BackupctlError('credentials', 'no identity that opens indexes is at hand', {
        hint: 'set encryption.index_identity, or encryption.identity',
      });
    }
    return index;
  }

  #assertWritable(): SigningKey {
    if (this.document.format > FORMAT) {
      throw new BackupctlError(
        'unsupported',
        `${this.store.location} has format ${this.document.format}; this program writes ${FORMAT}`,
        { hint: 'use a newer backupctl; reading is possible' },
      );
    }
    if (this.#signingKey === null) {
      throw new BackupctlError('credentials', 'no signing key is at hand, so nothing can be written', {
        hint: 'set signing.key to the file that holds it',
      });
    }
    return this.#signingKey;
  }
}

function placeOf(backup: Manifest | BackupPlace): BackupPlace {
  return 'instance' in backup ? { instanceId: backup.instance.id, backupId: backup.id } : backup;
}

/** A newer format may hold more keys: what is known of it is read, the rest left alone. */
function parseRepository(bytes: Uint8Array): RepositoryDocument {
  const document = parseJson(layout.repository, bytes);
  const format = typeof document === 'object' && document !== null && 'format' in document && document.format;
  const newer = typeof format === 'number' && format > FORMAT;
  return decode(newer ? repositorySchema.strip() : repositorySchema, layout.repository, bytes);
}

export type {
  Attempt,
  BackupEntry,
  BackupPlace,
  CommitOutcome,
  CompressedSource,
  DiscardOutcome,
  DiscardRequest,
  Epoch,
  ExportOptions,
  InstanceRecord,
  KeyCheck,
  Keys,
  LogLines,
  Manifest,
  ManifestDraft,
  Mark,
  NewMark,
  ObjectRecord,
  PinRequest,
  RepositoryDocument,
  Revision,
  SecretReference,
  SignedManifest,
  Store,
  SweepOutcome,
  SweepRequest,
  TombstoneRequest,
  UploadProgress,
  VerifyFinding,
  VerifyOptions,
};
