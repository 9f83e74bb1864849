import type { Manifest } from '../../repository/manifest.ts';
import { oneLine, openedStream } from '../stock.ts';
import { dataStream } from './backup-index.ts';

/**
 * Shell commands that bring a backup back with `age` and `zstd` alone, from a copy of the objects in the current folder:
 * what they write is the database's own file, `restored.sqlite` there (or what TARGET says). `sqlite3` looks it through.
 */
export function stockRestore(manifest: Manifest): string[] {
  return [
    'set -e -o pipefail',
    `# the database ${oneLine(manifest.contents[0]?.name ?? '')}`,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    'target=${TARGET:-$PWD/restored.sqlite}',
    '# a log or journal that another database has left there would be taken for one of this',
    'for f in "$target" "$target-wal" "$target-journal"; do if [ -e "$f" ]; then echo "$f exists" >&2; exit 1; fi; done',
    `{ ${openedStream(manifest, dataStream)}; } > "$target"`,
    'sqlite3 "$target" "PRAGMA integrity_check"',
  ];
}
