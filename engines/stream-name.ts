/**
 * A name of the source as the part of a stream's name in front of its ending. Small letters, digits, `_`, `-` and dots
 * within the name stay as they are, every other byte of UTF-8 is percent-encoded, capitals too: on a file system that
 * ignores case `Shop` and `shop` would be one. Two names never give the same part.
 */
export function encodeName(name: string): string {
  let encoded = '';
  for (const byte of Buffer.from(name, 'utf8')) {
    const character = String.fromCharCode(byte);
    const safe = /[a-z0-9_-]/.test(character) || (character === '.' && encoded !== '');
    encoded += safe ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
