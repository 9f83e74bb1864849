import { createPrivateKey, createPublicKey } from 'node:crypto';
import { BackupctlError } from '../../errors/backupctl-error.ts';

/**
 * The recipient (`age1…`) of an X25519 identity (`AGE-SECRET-KEY-1…`), as the age v1 format defines both. It is done here
 * because every command that opens a repository asks for it, and what the `age-encryption` package loads first costs
 * more than the rest of such a command.
 * @throws BackupctlError configuration, without the identity, where it is none
 */
export function recipientOf(identity: string): string {
  const secret = decode('AGE-SECRET-KEY-', identity);
  if (secret === null || secret.length !== 32) {
    throw new BackupctlError('configuration', 'an identity of the file is no X25519 identity of age');
  }
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, secret]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return encode('age', spki.subarray(-32));
}

/** What stands before the 32 bytes of an X25519 key in PKCS#8 (RFC 8410, section 7). */
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Of Bech32 (BIP 173). */
const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

function encode(prefix: string, bytes: Uint8Array): string {
  const words = regroup(bytes, 8, 5, true) ?? [];
  const checksum = polymod([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ 1;
  const tail = [25, 20, 15, 10, 5, 0].map((shift) => (checksum >>> shift) & 31);
  return `${prefix}1${[...words, ...tail].map((word) => alphabet[word]).join('')}`;
}

/** @returns the bytes, or null where the text has another prefix, a wrong checksum or mixed case */
function decode(prefix: string, text: string): Buffer | null {
  if (!text.startsWith(`${prefix}1`) || text !== text.toUpperCase()) return null;
  const words = [...text.slice(prefix.length + 1).toLowerCase()].map((letter) => alphabet.indexOf(letter));
  if (words.length < 6 || words.includes(-1)) return null;
  if (polymod([...expand(prefix.toLowerCase()), ...words]) !== 1) return null;
  const bytes = regroup(words.slice(0, -6), 5, 8, false);
  return bytes === null ? null : Buffer.from(bytes);
}

function expand(prefix: string): number[] {
  const codes = [...prefix].map((letter) => letter.charCodeAt(0));
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
}

const generators = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;

function polymod(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, generator] of generators.entries()) if ((top >>> bit) & 1) sum ^= generator;
  }
  return sum >>> 0;
}

/** Bits in groups of another width. @returns null where bits are left over that are not zero, or are too many */
function regroup(values: Iterable<number>, from: number, to: number, pad: boolean): number[] | null {
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = (held << from) | value;
    bits += from;
    while (bits >= to) {
      bits -= to;
      out.push((held >>> bits) & ((1 << to) - 1));
    }
    held &= (1 << bits) - 1;
  }
  if (pad) {
    if (bits > 0) out.push((held << (to - bits)) & ((1 << to) - 1));
    return out;
  }
  return bits >= from || held !== 0 ? null : out;
}
