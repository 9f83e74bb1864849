import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type BackupEntry, readBackups } from './backups.ts';
import type { Keys } from './contract.ts';
import type { ObjectRecord, RepositoryDocument } from './manifest.ts';
import { HEADER_LIMIT, headerLength, openHeader, parseIdentities } from './sealing/header.ts';
import { recipientOf } from './sealing/recipient.ts';
import { SigningKey } from './signing.ts';
import type { Store } from './store.ts';

/** Who new backups are sealed to, and whether the secret key is at hand. */
export interface RecipientCheck {
  recipient: string;
  /** `data` opens everything, `index` opens indexes only. */
  role: 'data' | 'index';
  /** Whether an identity for it is configured here. False is right for one that is kept offline. */
  identity_here: boolean;
  /** Whether the repository was made with it; others were added since. */
  since_init: boolean;
}

/** What the keys at hand do with the newest backup of an instance. */
export interface BackupKeyCheck {
  backup_id: string;
  instance: string;
  /** Signed by a key that is trusted here. */
  trusted: boolean;
  /** Null where the backup has no such object, or no identity is configured. */
  opens_data: boolean | null;
  opens_index: boolean | null;
  problem: string | null;
}

export interface KeyCheck {
  /** `ed25519:…` of the signing key, or null where there is none. */
  signer: string | null;
  trusted: string[];
  recipients: RecipientCheck[];
  /** Newest backup of each instance. */
  backups: BackupKeyCheck[];
}

/** Tries the configured keys on the repository: reads headers only, and changes nothing. */
export async function checkKeys(
  store: Store,
  keys: Keys,
  trusted: ReadonlySet<string>,
  document: RepositoryDocument,
): Promise<KeyCheck> {
  const data = keys.identity === null ? [] : parseIdentities(keys.identity);
  const index = [...(keys.indexIdentity === null ? [] : parseIdentities(keys.indexIdentity)), ...data];
  const here = new Set(index.map(recipientOf));
  const recipients = [
    ...keys.recipients.map((recipient) => ({ recipient, role: 'data' as const, known: document.recipients })),
    ...keys.indexRecipients.map((recipient) => ({
      recipient,
      role: 'index' as const,
      known: document.index_recipients,
    })),
  ].map(({ recipient, role, known }) => ({
    recipient,
    role,
    identity_here: here.has(recipient),
    since_init: known.includes(recipient),
  }));
  const backups: BackupKeyCheck[] = [];
  const seen = new Set<string>();
  for await (const entry of readBackups(store, trusted)) {
    const instanceId = entry.manifest?.instance.id ?? entry.damaged?.instanceId ?? '';
    if (seen.has(instanceId)) continue;
    seen.add(instanceId);
    backups.push(await checkBackup(store, entry, data, index));
  }
  return {
    signer: keys.signingKey === null ? null : new SigningKey(keys.signingKey).publicName,
    trusted: [...trusted],
    recipients,
    backups,
  };
}

/** What identities (secret keys) do with one backup. */
export async function checkBackup(
  store: Store,
  entry: BackupEntry,
  data: readonly string[],
  index: readonly string[],
): Promise<BackupKeyCheck> {
  if (entry.damaged !== undefined) {
    const { backupId, instanceId, problem } = entry.damaged;
    const unknown = { opens_data: null, opens_index: null };
    return { backup_id: backupId, instance: instanceId, trusted: false, ...unknown, problem };
  }
  const { manifest } = entry;
  const check: BackupKeyCheck = {
    backup_id: manifest.id,
    instance: manifest.instance.name,
    trusted: true,
    opens_data: null,
    opens_index: null,
    problem: null,
  };
  const tryOne = async (role: ObjectRecord['role'], identities: readonly string[]) => {
    const object = manifest.objects.find((candidate) => candidate.role === role);
    if (object === undefined || identities.length === 0) return null;
    try {
      await openObjectHeader(store, object, identities);
      return true;
    } catch (error) {
      if (!(error instanceof BackupctlError) || (error.code !== 'credentials' && error.code !== 'corrupt'))
        throw error;
      check.problem ??= `${object.key}: ${messageOf(error)}`;
      return false;
    }
  };
  check.opens_data = await tryOne('data', data);
  check.opens_index = await tryOne('index', index);
  return check;
}

async function openObjectHeader(
  store: Store,
  object: ObjectRecord,
  identities: readonly string[],
): Promise<void> {
  const end = Math.min(object.sealed_size, HEADER_LIMIT);
  let head = Buffer.alloc(0);
  for await (const chunk of await store.openRead(object.key, { start: 0, end })) {
    head = Buffer.concat([head, chunk as Buffer]);
    const length = headerLength(head);
    if (length === null) continue;
    await openHeader(head.subarray(0, length), identities);
    return;
  }
  throw new BackupctlError('corrupt', 'the age header does not end');
}
