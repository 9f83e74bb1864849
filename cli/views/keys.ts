import type { BackupKeyCheck, RecipientCheck } from '../../repository/key-check.ts';
import type { KeyPaths, PublicKeys } from '../../repository/keys.ts';
import type { Column, Property } from '../output/output.ts';

/** The public names of the keys, and the files that hold the secret ones. */
export function keyProperties(keys: PublicKeys, files: KeyPaths): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  return {
    identity: always(files.identity),
    index_identity: always(files.indexIdentity),
    index_recipient: always(keys.indexRecipient),
    recipient: always(keys.recipient),
    signer: always(keys.signer),
    signing_key: always(files.signingKey),
  };
}

export const recipientColumns: readonly Column<RecipientCheck>[] = [
  { header: 'Recipient', value: ({ recipient }) => recipient },
  { header: 'Role', value: ({ role }) => role },
  { header: 'Identity Here', value: ({ identity_here }) => identity_here },
  { header: 'Since Init', value: ({ since_init }) => since_init },
];

export const backupKeyColumns: readonly Column<BackupKeyCheck>[] = [
  { header: 'Backup ID', value: ({ backup_id }) => backup_id },
  { header: 'Instance', value: ({ instance }) => instance },
  { header: 'Trusted', value: ({ trusted }) => trusted },
  { header: 'Opens Data', value: ({ opens_data }) => opens_data },
  { header: 'Opens Index', value: ({ opens_index }) => opens_index },
  { header: 'Problem', value: ({ problem }) => problem },
];
