/** Every letter that would move the cursor, turn the text round, or not be seen. Joiners inside of words are left. */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/gu;
const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

/** The text on one line, with control characters written out, so that an odd name can't forge a row or a colour. */
export function visible(text: string): string {
  return text.replace(unseen, (letter) => {
    const point = letter.codePointAt(0) ?? 0;
    if (point < 0x100) return short[letter] ?? `\\x${point.toString(16).padStart(2, '0')}`;
    return point < 0x10000
      ? `\\u${point.toString(16).padStart(4, '0')}`
      : `\\U${point.toString(16).padStart(8, '0')}`;
  });
}
