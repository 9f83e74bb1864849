import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { readSecretFile } from '../repository/key-file.ts';
import { newestRecipient, trustedIn } from '../repository/keys.ts';
import type { Keys } from '../repository/repository.ts';
import { SigningKey } from '../repository/signing.ts';
import type { Config } from './load.ts';

/** `read`: whatever is there, and nothing has to be. `write`: a signing key and recipients have to be there. */
export type KeyNeed = 'read' | 'write';

/**
 * The keys that the configuration names. New backups are sealed to `encryption.recipients`, else to the newest
 * identity of the file. Where neither is there, `recipients` is empty, and nothing can be written.
 * @throws BackupctlError configuration, naming the file that is missing, unreadable or no key
 */
export async function loadKeys(config: Config, need: KeyNeed): Promise<Keys> {
  const { keyFiles } = config;
  const optional = (path: string) => (need === 'write' ? readSecretFile(path) : readIfAllowed(path));
  const [identity, indexIdentity, signingKey] = await Promise.all([
    optional(keyFiles.identity),
    optional(keyFiles.indexIdentity),
    optional(keyFiles.signingKey),
  ]);
  if (signingKey !== null) checked(keyFiles.signingKey, () => new SigningKey(signingKey));
  if (need === 'write' && signingKey === null) {
    throw new BackupctlError('configuration', `the signing key ${keyFiles.signingKey} does not exist`, {
      hint: 'copy it there, name it below signing.key, or take the repository over with `backupctl recover`',
    });
  }
  const recipient = identity === null ? [] : [recipientOf(keyFiles.identity, identity)];
  const indexRecipient = indexIdentity === null ? [] : [recipientOf(keyFiles.indexIdentity, indexIdentity)];
  return {
    recipients: config.recipients ?? recipient,
    indexRecipients: indexRecipient,
    identity,
    indexIdentity,
    signingKey,
    trusted: [...new Set([...config.trusted, ...(identity === null ? [] : trustedIn(identity))])],
  };
}

/** A reader that may not open a key does without it: it lists, and cannot open data. */
async function readIfAllowed(path: string): Promise<string | null> {
  try {
    return await readSecretFile(path);
  } catch (error) {
    const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
    if (code === 'EACCES' || code === 'EPERM') return null;
    throw error;
  }
}

function recipientOf(path: string, text: string): string {
  try {
    return newestRecipient(text);
  } catch (cause) {
    throw wrongKey(path, cause);
  }
}

function checked(path: string, check: () => unknown): void {
  try {
    check();
  } catch (cause) {
    throw wrongKey(path, cause);
  }
}

function wrongKey(path: string, cause: unknown): BackupctlError {
  return new BackupctlError('configuration', `${path}: ${messageOf(cause)}`, {
    hint: '`backupctl key-check` says what each key file is good for',
    cause,
  });
}
