import { stringify } from 'yaml';
import { loadKeys } from '../../config/keys.ts';
import { createSecretFile, readSecretFile, replaceSecretFile } from '../../repository/key-file.ts';
import { newIndexIdentity, newSigningKey, trustedIn } from '../../repository/keys.ts';
import { SigningKey } from '../../repository/signing.ts';
import { writePrivateFile } from '../private-file.ts';
import type { RecoverySettings } from './settings.ts';

/** What was made for a platform that begins, or goes on. */
export interface Belongings {
  /** Paths of files that were written. */
  written: string[];
  /** `ed25519:…` of the signing key. */
  signer: string;
}

/**
 * Gives a data directory what a platform needs to own a repository: the identity with every key that it vouches for, a
 * signing key, an index identity, the configuration file. What is there stays. May be called again.
 * @throws BackupctlError configuration
 */
export async function bringBelongings(settings: RecoverySettings, now: Date): Promise<Belongings> {
  const { config, writes } = settings;
  const { keyFiles } = config;
  const written: string[] = [];
  const pemThere = await readSecretFile(keyFiles.signingKey);
  const pem = pemThere ?? newSigningKey();
  const signer = new SigningKey(pem).publicName;
  // Trust first: a signature must never be written that the identity does not vouch for.
  const identity = vouching(settings.identity, [...settings.trust, signer]);
  const there = await readSecretFile(keyFiles.identity);
  if (there === null) await createSecretFile(keyFiles.identity, identity);
  else if (there !== identity) await replaceSecretFile(keyFiles.identity, identity);
  if (there !== identity) written.push(keyFiles.identity);
  if (pemThere === null) {
    await createSecretFile(keyFiles.signingKey, pem);
    written.push(keyFiles.signingKey);
  }
  if ((await readSecretFile(keyFiles.indexIdentity)) === null) {
    await createSecretFile(keyFiles.indexIdentity, await newIndexIdentity(now));
    written.push(keyFiles.indexIdentity);
  }
  if (writes !== null) {
    writePrivateFile(writes.path, configurationText(settings, now));
    written.push(writes.path);
  }
  await loadKeys(config, 'write');
  return { written, signer };
}

function vouching(identity: string, keys: readonly string[]): string {
  const known = trustedIn(identity);
  const added = [...new Set(keys)].filter((key) => !known.includes(key)).map((key) => `# trust: ${key}\n`);
  if (added.length === 0) return identity;
  return `${identity}${identity === '' || identity.endsWith('\n') ? '' : '\n'}${added.join('')}`;
}

function configurationText({ writes, trust }: RecoverySettings, now: Date): string {
  const document = {
    repository: writes?.store,
    ...(trust.length === 0 ? {} : { signing: { trusted: trust } }),
  };
  return `# Written by \`backupctl recover\` on ${now.toISOString().slice(0, 10)}. Every key: docs/configuration.md\n${stringify(document, { lineWidth: 0 })}`;
}
