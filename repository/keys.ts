import { generateKeyPairSync } from 'node:crypto';
import { BackupctlError } from '../errors/backupctl-error.ts';
import { createSecretFile, readSecretFile, replaceSecretFile } from './key-file.ts';
import { parseIdentities } from './sealing/header.ts';
import { recipientOf } from './sealing/recipient.ts';
import { SigningKey } from './signing.ts';

/** Where the keys of a platform are. */
export interface KeyPaths {
  /** Opens data and indexes, carries the public signing keys. In the format of `age-keygen`. */
  identity: string;
  /** Opens indexes only. */
  indexIdentity: string;
  /** Ed25519, PKCS#8 PEM. */
  signingKey: string;
}

/** What a new or rotated key is called in public. */
export interface PublicKeys {
  /** `age1…`: what new backups are sealed to. */
  recipient: string;
  indexRecipient: string;
  /** `ed25519:…` */
  signer: string;
}

/**
 * Makes identity, index identity and signing key, each in a new file of mode 0600. The identity is written last: an
 * interrupted call can be made again, and takes up what is there of the other two.
 * @throws BackupctlError conflict when the identity exists
 */
export async function createKeys(paths: KeyPaths, { now }: { now: Date }): Promise<PublicKeys> {
  if ((await readSecretFile(paths.identity)) !== null) {
    throw new BackupctlError('conflict', `${paths.identity} exists already, and a key is never overwritten`, {
      hint: 'use another path, or `backupctl key-rotate`',
    });
  }
  let pem = await readSecretFile(paths.signingKey);
  if (pem === null) {
    pem = newSigningKey();
    await createSecretFile(paths.signingKey, pem);
  }
  let index = await readSecretFile(paths.indexIdentity);
  if (index === null) {
    index = await newIndexIdentity(now);
    await createSecretFile(paths.indexIdentity, index);
  }
  const signer = new SigningKey(pem).publicName;
  const identity = await newIdentity();
  const recipient = recipientOf(identity);
  await createSecretFile(paths.identity, identityText({ now, identity, recipient, trust: [signer] }));
  return { recipient, indexRecipient: newestRecipient(index), signer };
}

/**
 * Adds new keys for what is to come. The old identities stay in their files, so that old backups stay readable, and
 * the old signer stays trusted there. A crash leaves a state that works, and the call can be made again.
 * @param which what is renewed; data by default
 */
export async function rotateKeys(
  paths: KeyPaths,
  { now, which = ['data'] }: { now: Date; which?: readonly ('data' | 'index' | 'signing')[] },
): Promise<PublicKeys> {
  const identityFile = await required(paths.identity);
  const indexFile = await required(paths.indexIdentity);
  const pem = await required(paths.signingKey);

  let signer = new SigningKey(pem).publicName;
  let newPem: string | null = null;
  if (which.includes('signing')) {
    newPem = newSigningKey();
    signer = new SigningKey(newPem).publicName;
  }
  let newIdentityFile = identityFile;
  if (which.includes('data')) newIdentityFile = await appendIdentity(identityFile, now, [signer]);
  else if (newPem !== null) newIdentityFile = withFinalNewline(identityFile) + trustLine(signer);
  // Trust first: a signature must never be written that this file does not vouch for.
  if (newIdentityFile !== identityFile) await replaceSecretFile(paths.identity, newIdentityFile);
  if (newPem !== null) await replaceSecretFile(paths.signingKey, newPem);
  let newIndexFile = indexFile;
  if (which.includes('index')) {
    newIndexFile = await appendIdentity(indexFile, now, []);
    await replaceSecretFile(paths.indexIdentity, newIndexFile);
  }
  return {
    recipient: newestRecipient(newIdentityFile),
    indexRecipient: newestRecipient(newIndexFile),
    signer,
  };
}

/** The recipients of all identities in a file's text, oldest first. */
export function recipientsOf(identityFile: string): string[] {
  return parseIdentities(identityFile).map(recipientOf);
}

/** The recipient that new backups are sealed to where no others are configured: the last identity's. */
export function newestRecipient(identityFile: string): string {
  const newest = recipientsOf(identityFile).at(-1);
  if (newest === undefined) {
    throw new BackupctlError('configuration', 'the identity file holds no secret key', {
      hint: 'make one with `backupctl key-create`',
    });
  }
  return newest;
}

/** Public signing keys that an identity file vouches for, in comments that `age` ignores. */
export function trustedIn(identityFile: string): string[] {
  return [...identityFile.matchAll(/^# trust: (ed25519:[A-Za-z0-9+/]{43}=)[ \t\r]*$/gm)].map(
    (match) => match[1] ?? '',
  );
}

/** Ed25519, PKCS#8 PEM. */
export function newSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function newIdentity(): Promise<string> {
  const { generateX25519Identity } = await import('age-encryption');
  return generateX25519Identity();
}

/** The text of a file with one new index identity. */
export function newIndexIdentity(now: Date): Promise<string> {
  return appendIdentity('', now, []);
}

async function appendIdentity(file: string, now: Date, trust: string[]): Promise<string> {
  const known = trustedIn(file);
  const identity = await newIdentity();
  const recipient = recipientOf(identity);
  const added = identityText({
    now,
    identity,
    recipient,
    trust: trust.filter((key) => !known.includes(key)),
  });
  return withFinalNewline(file) + added;
}

function withFinalNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function trustLine(signer: string): string {
  return `# trust: ${signer}\n`;
}

/** As `age-keygen` writes it, with a line for each signer. */
function identityText(key: { now: Date; identity: string; recipient: string; trust: string[] }): string {
  const created = key.now.toISOString().replace(/\.\d+Z$/, 'Z');
  const lines = [`# created: ${created}\n`, `# public key: ${key.recipient}\n`, ...key.trust.map(trustLine)];
  return `${lines.join('')}${key.identity}\n`;
}

async function required(path: string): Promise<string> {
  const text = await readSecretFile(path);
  if (text !== null) return text;
  throw new BackupctlError('not-found', `${path} does not exist`, {
    hint: 'make keys with `backupctl key-create`',
  });
}
