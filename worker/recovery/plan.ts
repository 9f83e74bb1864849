import { pauseOf } from '../../client/schedule-recovery.ts';
import type { Config } from '../../config/load.ts';
import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { decode } from '../../repository/documents.ts';
import { checkBackup } from '../../repository/key-check.ts';
import { recipientsOf } from '../../repository/keys.ts';
import { lookahead } from '../../repository/lookahead.ts';
import { type Epoch, type InstanceRecord, instanceSchema } from '../../repository/manifest.ts';
import type { Repository, Revision } from '../../repository/repository.ts';
import { decodeScheduleCopy, type ScheduleCopy } from '../../repository/schedule-copy.ts';
import { parseIdentities } from '../../repository/sealing/header.ts';
import { type Survey, surveyBackups } from '../../repository/survey.ts';
import { decodeWorkbook, workbookKey } from '../../repository/workbook-copy.ts';
import { hooksToAllow } from './hooks.ts';
import type { FoundPlace } from './places.ts';
import { type SecretToAllow, secretsToAllow } from './secrets.ts';

/** Documents that are read at a time. */
const READS = 32;

export interface PlannedSchedule {
  id: string;
  name: string;
  /** Its name, or its id where it is not registered. */
  instance: string;
  pattern: string;
  timezone: string;
  /** How many backups its rule leaves: the copy is not signed, and a rule deletes. Null for none. */
  keepLast: number | null;
  /** As it will be. */
  paused: boolean;
  note: string | null;
}

/** What a repository holds and what `recover` makes of it. */
export interface RecoveryPlan {
  repositoryId: string;
  location: string;
  /** Where the platform keeps its identity. */
  identityFile: string;
  /** The newest epoch, or null where nobody ever owned it. */
  owner: Epoch | null;
  /** Whether the platform of this data directory owns it already. */
  owned: boolean;
  instances: InstanceRecord[];
  schedules: PlannedSchedule[];
  /** Names. */
  workbooks: string[];
  /** Schedules and instances whose newest revision is a deletion: they do not come back. */
  deleted: { instances: number; schedules: number };
  survey: Survey;
  secrets: SecretToAllow[];
  /** Revisions that cannot be read, backups that the identity does not open …: what a person has to look at. */
  problems: string[];
  /** The configured repositories: more than one where there are copies. */
  places: FoundPlace[];
  /** Copies of every schedule, deleted ones too. */
  copies: ScheduleCopy[];
}

export interface PlanOptions {
  config: Config;
  /** Of the data directory; null where it has none yet. */
  platformId: string | null;
  identity: string;
  activate: boolean;
  onProgress(line: string): void;
}

/**
 * Reads a repository and says what a recovery would do. Writes nothing.
 * @throws BackupctlError credentials: no backup is signed by a trusted key, or the identity opens none of them
 */
export async function planRecovery(
  repository: Repository,
  options: PlanOptions,
): Promise<Omit<RecoveryPlan, 'places'>> {
  const { config, activate, onProgress } = options;
  const problems: string[] = [];
  const note = (problem: string) => problems.push(problem);
  onProgress('reading instances and schedules');
  const owner = await repository.newestEpoch();
  const registered = await readAll(repository, 'instances', note, (key, bytes) =>
    decode(instanceSchema, key, bytes),
  );
  const copies = await readAll(repository, 'schedules', note, decodeScheduleCopy);
  const workbooks = (
    await readAll(repository, 'workbooks', note, (key, bytes, { id }) => ({
      name: workbookKey.parse(id).name,
      deleted: decodeWorkbook(key, bytes).deleted,
    }))
  ).filter(({ deleted }) => !deleted);
  const survey = await surveyBackups(repository.store, repository.trusted, (done, of) =>
    onProgress(`checking backups: ${done} of ${of}`),
  );
  await checkKeys(repository, survey, options.identity, note);

  const instances = registered
    .filter(({ deleted }) => !deleted)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const names = new Map(instances.map(({ id, name }) => [id, name]));
  const schedules = copies
    .filter(({ deleted }) => !deleted)
    .map((copy) => ({
      id: copy.id,
      name: copy.input.name,
      instance: names.get(copy.input.instance) ?? copy.input.instance,
      pattern: copy.pattern,
      timezone: copy.timezone,
      keepLast: typeof copy.policy.keep_last === 'number' ? copy.policy.keep_last : null,
      ...pauseOf(copy, activate),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
  for (const { id, name, instance } of schedules) {
    const of = copies.find((copy) => copy.id === id)?.input.instance ?? '';
    if (of !== '' && !names.has(of)) {
      note(`schedule ${name} (${id}) is of instance ${instance}, which is not registered`);
    }
  }
  return {
    repositoryId: repository.document.id,
    location: repository.store.location,
    identityFile: config.keyFiles.identity,
    owner,
    owned: owner !== null && owner.platform_id === options.platformId,
    instances,
    schedules,
    workbooks: workbooks.map(({ name }) => name).sort(),
    deleted: {
      instances: registered.length - instances.length,
      schedules: copies.length - schedules.length,
    },
    survey,
    secrets: [
      ...(await secretsToAllow(instances, config)),
      ...(await hooksToAllow(instances, copies, config)),
    ],
    problems,
    copies,
  };
}

/** The newest revision of each; one that is damaged is named, and left out. */
async function readAll<T>(
  repository: Repository,
  kind: 'instances' | 'schedules' | 'workbooks',
  note: (problem: string) => void,
  decoded: (key: string, bytes: Uint8Array, revision: Revision) => T,
): Promise<T[]> {
  const read = async (revision: Revision): Promise<T | null> => {
    const bytes = await repository.readRevision(revision);
    try {
      return decoded(revision.key, bytes, revision);
    } catch (error) {
      if (!(error instanceof BackupctlError)) throw error;
      note(messageOf(error));
      return null;
    }
  };
  const documents: T[] = [];
  const revisions = await repository.latestRevisions(kind);
  for await (const document of lookahead(revisions, READS, read)) {
    if (document !== null) documents.push(document);
  }
  return documents;
}

/** The newest backup of each instance is tried: an identity that opens none of them is another one's. */
async function checkKeys(
  repository: Repository,
  survey: Survey,
  identity: string,
  note: (problem: string) => void,
): Promise<void> {
  const { whole, incomplete, damaged } = survey;
  if (whole + incomplete.length === 0 && damaged[0] !== undefined) {
    throw new BackupctlError('credentials', `no backup can be believed: ${damaged[0].problem}`, {
      hint: 'give the public key that signed them by --trust, if you know it',
    });
  }
  const identities = parseIdentities(identity);
  if (whole + incomplete.length === 0) {
    const recipients = recipientsOf(identity);
    const { recipients: known } = repository.document;
    if (!known.some((recipient) => recipients.includes(recipient)))
      note('the repository was made for other recipients than the identity is for');
  }
  let opened = 0;
  const closed: string[] = [];
  const checks = lookahead(survey.instances, READS, ({ newest }) =>
    checkBackup(repository.store, { manifest: newest, sha256: '' }, identities, []),
  );
  for await (const { opens_data, backup_id, instance, problem } of checks) {
    if (opens_data === true) opened += 1;
    else if (opens_data === false)
      closed.push(`the identity does not open backup ${backup_id} of ${instance}: ${problem ?? ''}`);
  }
  if (closed[0] !== undefined && opened === 0) {
    throw new BackupctlError('credentials', closed[0], {
      hint: 'name the identity of this repository by --identity',
    });
  }
  for (const problem of closed) note(problem);
}
