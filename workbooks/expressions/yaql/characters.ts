const word = /^[\p{L}\p{N}_]$/u;
const digit = /^\p{Nd}$/u;

/** Whether Python's `\w` holds of a character. */
export function isWord(character: string): boolean {
  const code = character.charCodeAt(0);
  if (code < 128 && character.length === 1) {
    return (
      (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95
    );
  }
  return word.test(character);
}

/** Whether Python's `\d` holds of a character. */
export function isDigit(character: string): boolean {
  return (character >= '0' && character <= '9' && character.length === 1) || digit.test(character);
}

/** Whether an identifier may begin with a character: a word's, but no digit. */
export function beginsWord(character: string): boolean {
  return isWord(character) && !isDigit(character);
}

/** Decimal digits of any script as ASCII ones: each script has its ten in a row. */
export function asciiDigits(digits: string): string {
  let written = '';
  for (const character of digits) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 128) {
      written += character;
      continue;
    }
    let zero = code;
    while (digit.test(String.fromCodePoint(zero - 1))) zero--;
    written += String((code - zero) % 10);
  }
  return written;
}

/** The whole character that begins at a unit of a text; empty at its end. */
export function characterAt(text: string, index: number): string {
  const code = text.codePointAt(index);
  return code === undefined ? '' : String.fromCodePoint(code);
}

/** Whether a text is a name as an expression could write it. */
export function isKeyword(text: string): boolean {
  return !text.startsWith('__') && beginsWord(characterAt(text, 0) || ' ');
}
