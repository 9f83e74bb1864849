/** Codes of characters as YAML 1.1 sorts them. The end of the text counts as 0, which no text may contain. */

export const tab = 0x09;
export const lineFeed = 0x0a;
export const carriageReturn = 0x0d;
export const space = 0x20;

export function isBreak(code: number): boolean {
  return code === lineFeed || code === carriageReturn || code === 0x85 || code === 0x2028 || code === 0x2029;
}

export function isBreakOrEnd(code: number): boolean {
  return code === 0 || isBreak(code);
}

/** What has to follow `-`, `?` and `:` for them to mean anything. */
export function isGap(code: number): boolean {
  return code === space || code === tab || code === 0 || isBreak(code);
}

// Lone surrogates match as well: with the flag `u` a pair is one character, and is allowed.
const forbidden = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** The offset of the first character that no YAML may contain. */
export function findForbidden(text: string): number | undefined {
  const at = text.search(forbidden);
  return at < 0 ? undefined : at;
}

/** How a message names a character. */
export function describeCharacter(text: string, at: number): string {
  const code = text.codePointAt(at);
  if (code === undefined) return 'the end of the file';
  if (code === tab) return 'a tab';
  if (isBreak(code)) return 'the end of the line';
  const printable = code > space && code !== 0x7f && code < 0xd800;
  return printable
    ? `\`${String.fromCodePoint(code)}\``
    : `the character U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
