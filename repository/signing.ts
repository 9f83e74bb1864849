import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { BackupctlError } from '../errors/backupctl-error.ts';

/** The name of a public signing key: `ed25519:` and the base64 of its 32 bytes. */
const publicName = /^ed25519:([A-Za-z0-9+/]{43}=)$/;

/** SHA-256 in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Signs with Ed25519 (RFC 8032, deterministic), and says under which name its signatures are trusted. */
export class SigningKey {
  readonly publicName: string;
  readonly #key: KeyObject;

  /** @throws BackupctlError configuration for anything but an Ed25519 key in PKCS#8 PEM */
  constructor(pem: string) {
    this.#key = privateKey(pem);
    this.publicName = nameOf(this.#key);
  }

  /** 64 bytes. */
  sign(bytes: Uint8Array): Buffer {
    return sign(null, bytes, this.#key);
  }
}

/**
 * Whether a signature of 64 bytes is that key's over these bytes.
 * @param name `ed25519:<base64>`; a malformed one fits nothing
 */
export function signatureFits(name: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  const encoded = publicName.exec(name)?.[1];
  if (encoded === undefined || signature.length !== 64) return false;
  try {
    return verify(null, bytes, publicKey(encoded), signature);
  } catch {
    // Not a point of the curve.
    return false;
  }
}

/** PEM (SubjectPublicKeyInfo) of a public key's name, as `openssl pkeyutl -pubin` wants it. */
export function publicPem(name: string): string {
  const encoded = publicName.exec(name)?.[1];
  if (encoded === undefined) throw new BackupctlError('configuration', `${name} is not a public signing key`);
  return publicKey(encoded).export({ type: 'spki', format: 'pem' }).toString();
}

function publicKey(encoded: string): KeyObject {
  const x = Buffer.from(encoded, 'base64').toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

function privateKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause is left out: OpenSSL's messages have been known to quote input.
    throw new BackupctlError('configuration', 'the signing key cannot be read', {
      hint: 'it is an Ed25519 key in PKCS#8 PEM, as `backupctl key-create` makes it',
    });
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new BackupctlError(
      'configuration',
      `the signing key is of type ${key.asymmetricKeyType}, not Ed25519`,
    );
  }
  return key;
}

function nameOf(key: KeyObject): string {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  if (x === undefined) throw new Error('an Ed25519 key without a public part');
  return `ed25519:${Buffer.from(x, 'base64url').toString('base64')}`;
}
