import type { Manifest } from '../../repository/manifest.ts';
import { oneLine, openedStream, shellWord } from '../stock.ts';
import { quoteIdentifier } from './quote.ts';
import { globalsStream, objectsStream } from './stream-name.ts';

/**
 * Shell commands that restore a backup with `age`, `zstd` and the server's own client, from a copy of the objects in the
 * current folder. How to connect stands in `~/.my.cnf`.
 */
export function stockRestore(manifest: Manifest): string[] {
  const needed = manifest.tools.find((tool) => tool.role === 'needed');
  const program = needed?.name ?? 'mariadb';
  // An older client stops at the first line of newer dumps, which tells a newer one to run no commands.
  const plain = `sed '1{/^.*999999.- enable the sandbox/d;}'`;
  const client = `${program} --binary-mode --local-infile=0 --comments --max-allowed-packet=1G --default-character-set=utf8mb4`;
  const collations = (manifest.details.collations ?? {}) as Record<string, string>;
  const has = (stream: string) => manifest.objects.some((object) => object.stream === stream);
  const lines = [
    'set -e -o pipefail',
    `# ${program} ${needed?.version ?? ''} or newer; it connects as ~/.my.cnf says: [client] with host, port, user, password`,
  ];
  if (has(globalsStream)) {
    lines.push(
      '# users, roles and grants; an error for each one that exists already is to be expected',
      `{ ${openedStream(manifest, globalsStream)}; } | ${client} --force || true`,
    );
  }
  for (const { name, stream } of manifest.contents) {
    const database = shellWord(name);
    const collation = collations[name];
    const create = `CREATE DATABASE ${quoteIdentifier(name)}${collation === undefined ? '' : ` COLLATE ${collation}`}`;
    lines.push(
      `# database ${oneLine(name)}`,
      `${client} -e ${shellWord(create)}`,
      `{ ${openedStream(manifest, stream)}; } | ${plain} | ${client} --database=${database}`,
    );
    if (has(objectsStream(name))) {
      lines.push(`{ ${openedStream(manifest, objectsStream(name))}; } | ${client} --database=${database}`);
    }
  }
  return lines;
}
