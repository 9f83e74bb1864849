import { segmentName } from '../repository/layout.ts';
import type { Manifest } from '../repository/manifest.ts';

/**
 * The shell words that write a stream's bytes, unsealed and decompressed, to standard output: `age` and `zstd` over a
 * copy of the objects in the current folder, with `identity.txt`. To be put in braces where something follows.
 */
export function openedStream(manifest: Manifest, stream: string): string {
  const files = manifest.objects
    .filter((object) => object.stream === stream)
    .sort((a, b) => a.segment - b.segment)
    .map((object) => shellWord(`./${segmentName(stream, object.segment)}`)); // a name may begin with a dash
  return `for f in ${files.join(' ')}; do age -d -i identity.txt "$f" || exit 1; done | zstd -dc`;
}

/** In quotes, with every letter written out that a terminal would not show as it is: for a comment. */
export function oneLine(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (letter) => `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** A text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./%=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
