import { createHmac, timingSafeEqual } from 'node:crypto';

/** A host key that is believed: its type and its bytes. */
export interface HostKey {
  type: string;
  key: Buffer;
}

/** What a file of OpenSSH's `known_hosts` says of a host: keys that are believed, and keys that are revoked. */
export interface KnownHost {
  keys: HostKey[];
  revoked: Buffer[];
}

/**
 * Looks a host up as OpenSSH does: by name with patterns, hashed names, `[name]:port` off port 22. Certificate authorities
 * are not believed.
 */
export function knownHost(texts: readonly string[], host: string, port: number): KnownHost {
  const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
  const found: KnownHost = { keys: [], revoked: [] };
  for (const line of texts.flatMap((text) => text.split(/\r?\n/))) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [names = '', type = '', base64 = ''] = words;
    if (names === '' || names.startsWith('#') || base64 === '') continue;
    const key = Buffer.from(base64, 'base64');
    if (key.length === 0 || !matches(names, name)) continue;
    if (marker === '@revoked') found.revoked.push(key);
    else if (marker === undefined) found.keys.push({ type, key });
  }
  return found;
}

function matches(names: string, name: string): boolean {
  if (names.startsWith('|')) return isHashOf(names, name);
  let found = false;
  for (const pattern of names.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!fits(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

/** With `*` and `?`, in steps of at most the product of the lengths. */
function fits(pattern: string, name: string): boolean {
  let rows = new Set([0]);
  for (const character of pattern) {
    const next = new Set<number>();
    for (const at of rows) {
      if (character === '*') for (let end = at; end <= name.length; end += 1) next.add(end);
      else if (at < name.length && (character === '?' || character === name[at])) next.add(at + 1);
    }
    rows = next;
  }
  return rows.has(name.length);
}

/** `|1|salt|hash`, both in base64: HMAC-SHA1 of the name. */
function isHashOf(text: string, name: string): boolean {
  const [, kind, salt = '', hash = ''] = text.split('|');
  if (kind !== '1') return false;
  const wanted = Buffer.from(hash, 'base64');
  const made = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return wanted.length === made.length && timingSafeEqual(wanted, made);
}
