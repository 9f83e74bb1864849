import type { Manifest } from '../../repository/manifest.ts';
import { oneLine, openedStream } from '../stock.ts';
import { dataStream, indexStream } from './stream-names.ts';

/**
 * Shell commands that restore a backup of files with `age`, `zstd` and GNU tar, from a copy of the objects in the current
 * folder, into a new directory `restored` there (or what TARGET says).
 */
export function stockRestore(manifest: Manifest): string[] {
  const [content] = manifest.contents;
  return [
    'set -e -o pipefail',
    `# the tree ${oneLine(content?.name ?? '')}, by GNU tar 1.29 or newer; as root, for owners and devices`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    'target=${TARGET:-$PWD/restored}',
    'mkdir -m 700 -- "$target"',
    `{ ${openedStream(manifest, dataStream)}; } | tar --extract --file=- --preserve-permissions --numeric-owner --xattrs '--xattrs-include=*' '--xattrs-exclude=system.posix_acl_*' --acls --directory="$target"`,
    '# what it holds, with a hash for each file, a line of JSON each',
    `{ ${openedStream(manifest, indexStream)}; } > "$target.jsonl"`,
  ];
}
