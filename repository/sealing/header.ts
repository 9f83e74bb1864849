import { BackupctlError } from '../../errors/backupctl-error.ts';
import { PAYLOAD_NONCE, TAG } from './payload.ts';

/** Bytes after which a header that has not ended is taken for something else than an age file. */
export const HEADER_LIMIT = 256 * 1024;

const macLine = Buffer.from('\n--- ');

/** Loaded by who seals or opens: it takes 70 ms, which commands that only list need not pay. */
const age = () => import('age-encryption');

/** What an identity file holds, ready to open headers. */
export type Identities = readonly string[];

/**
 * Picks the secret keys out of the text of an identity file: lines that are empty or begin with `#` are left out.
 * @throws BackupctlError configuration for a line of another kind (its text is not repeated: it may be a secret)
 */
export function parseIdentities(text: string): string[] {
  const identities: string[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (!/^AGE-SECRET-KEY-1[0-9A-Z]+$/.test(line)) {
      throw new BackupctlError(
        'configuration',
        `line ${index + 1} of the identity is not an age secret key`,
        {
          hint: 'such a line begins with AGE-SECRET-KEY-1, as age-keygen writes it',
        },
      );
    }
    identities.push(line);
  }
  return identities;
}

/** A native X25519 recipient; the other kinds cannot be opened by every `age` that is in use. */
export function isX25519Recipient(text: string): boolean {
  return /^age1[02-9ac-hj-np-z]{58}$/.test(text);
}

/** A new file key, wrapped for every recipient: the age header that carries it. */
export async function createHeader(
  recipients: readonly string[],
): Promise<{ header: Buffer; fileKey: Uint8Array }> {
  if (recipients.length === 0) {
    throw new BackupctlError('configuration', 'there is no recipient to seal to', {
      hint: 'create a key with `backupctl key-create`, or set encryption.recipients',
    });
  }
  let captured: Uint8Array | null = null;
  const { Encrypter } = await age();
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      if (!isX25519Recipient(recipient)) throw new Error('not an X25519 recipient');
      encrypter.addRecipient(recipient);
    } catch (cause) {
      throw new BackupctlError(
        'configuration',
        `${recipient} is not an age recipient that can be used here`,
        {
          hint: 'an X25519 recipient begins with age1 and has 62 characters',
          cause,
        },
      );
    }
  }
  // A recipient of our own adds no stanza: it only learns the file key that the package has drawn.
  encrypter.addRecipient({
    wrapFileKey: (fileKey) => {
      captured = Uint8Array.from(fileKey);
      return [];
    },
  });
  const sealedNothing = await encrypter.encrypt(new Uint8Array(0));
  if (captured === null) throw new Error('age-encryption did not ask the recipient');
  // What follows the header (a nonce and the tag of an empty chunk) is not used: the payload gets its own nonce.
  const header = Buffer.from(sealedNothing.subarray(0, sealedNothing.length - PAYLOAD_NONCE - TAG));
  return { header, fileKey: captured };
}

/**
 * Where the header ends, or null while that is not known yet.
 * @throws BackupctlError corrupt where no header can begin or end in these bytes
 */
export function headerLength(bytes: Buffer): number | null {
  const version = 'age-encryption.org/v1\n';
  const known = bytes.subarray(0, version.length).toString('latin1');
  if (known !== version.slice(0, known.length))
    throw new BackupctlError('corrupt', 'this is not an age v1 file');
  const mac = bytes.indexOf(macLine);
  if (mac >= 0) {
    const end = bytes.indexOf(0x0a, mac + macLine.length);
    if (end >= 0) return end + 1;
  }
  if (bytes.length > HEADER_LIMIT) throw new BackupctlError('corrupt', 'the age header does not end');
  return null;
}

/**
 * The file key of a header.
 * @throws BackupctlError credentials when no identity fits; corrupt when the header was changed
 */
export async function openHeader(header: Uint8Array, identities: Identities): Promise<Uint8Array> {
  const { Decrypter } = await age();
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return await decrypter.decryptHeader(header);
  } catch (cause) {
    if (cause instanceof Error && cause.message.startsWith('no identity matched')) {
      throw new BackupctlError('credentials', 'no identity at hand opens this object', {
        hint: 'set encryption.identity to the file that holds the secret key for one of its recipients',
        cause,
      });
    }
    throw new BackupctlError('corrupt', 'the age header is damaged', { cause });
  }
}
